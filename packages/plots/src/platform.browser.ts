/** Offer `text` as a download under the last part of `path`. */
export function saveText(path: string, text: string): Promise<void> {
  const link = document.createElement('a')
  link.href = URL.createObjectURL(new Blob([text]))
  link.download = path.split('/').at(-1)!
  link.click()
  setTimeout(() => URL.revokeObjectURL(link.href), 1000)
  return Promise.resolve()
}
