const said = new Set<string>()

/** Prints a warning, once for each `key`. */
export function warnOnce(key: string, message: string): void {
  if (said.has(key)) return
  said.add(key)
  // oxlint-disable-next-line no-console
  console.warn(`typegrad gpu: ${message}`)
}

/** Prints one line of information. */
export function inform(message: string): void {
  // oxlint-disable-next-line no-console
  console.info(`typegrad gpu: ${message}`)
}

/** Lets every warning be given again; for tests. */
export const forgetWarnings = (): void => said.clear()
