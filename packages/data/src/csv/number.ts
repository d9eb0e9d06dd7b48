/** Texts that stand for a missing value, as in pandas. */
export const missingTexts: readonly string[] = [
  '',
  'NA',
  'N/A',
  '#N/A',
  'n/a',
  '<NA>',
  'NaN',
  'nan',
  '-nan',
  'null',
  'NULL',
  'None',
]

/**
 * The number that `text` spells in decimal, blanks around it allowed, or `undefined`. Takes `inf` and `infinity` in any
 * case; not `0x1F`, `1_000` or `1,5`.
 */
export function parseNumber(text: string): number | undefined {
  const value = Number(text)
  if (value !== 0 && Number.isFinite(value)) return isPrefixed(text) ? undefined : value
  const trimmed = text.trim()
  if (value === 0) return trimmed === '' || isPrefixed(trimmed) ? undefined : value
  const word = /^([+-]?)inf(?:inity)?$/i.exec(trimmed)
  if (word) return word[1] === '-' ? -Infinity : Infinity
  return Number.isNaN(value) ? undefined : value
}

/** Whether text that `Number` accepts is hexadecimal, octal or binary: only there a letter follows a leading zero. */
function isPrefixed(text: string): boolean {
  let at = 0
  while (text.charCodeAt(at) <= 32) at++
  return text.charCodeAt(at) === 48 && text.charCodeAt(at + 1) > 57 && (text.charCodeAt(at + 1) | 32) !== 101
}
