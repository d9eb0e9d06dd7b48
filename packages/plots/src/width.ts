/** The columns that `text` takes in a terminal: Hangul, kana and Chinese characters take two. */
export function displayWidth(text: string): number {
  // Made when it is needed: it takes 20 ms.
  characters ??= new Intl.Segmenter()
  return Array.from(characters.segment(text)).reduce((sum, { segment }) => sum + (wide.test(segment) ? 2 : 1), 0)
}

let characters: Intl.Segmenter | undefined

const wide =
  /[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6]|\p{Emoji_Presentation}/u

/** `text` in the middle of `width` columns. */
export function padCenter(text: string, width: number): string {
  const space = width - displayWidth(text)
  return ' '.repeat(Math.floor(space / 2)) + text + ' '.repeat(Math.ceil(space / 2))
}
