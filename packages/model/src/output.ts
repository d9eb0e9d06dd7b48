/** Where progress goes: a terminal that can rewrite its line, a log file, or a browser's console. */
export interface Output {
  /** Whether a line can be rewritten. */
  readonly live: boolean
  readonly columns: number
  /** Rewrites the current line (live outputs only). */
  rewrite(line: string): void
  /** Ends the current line with this text. */
  print(line: string): void
}

interface NodeStream {
  readonly isTTY?: boolean
  readonly columns?: number
  write(text: string): unknown
}

const stream = (globalThis as { process?: { stdout?: NodeStream } }).process?.stdout

/** The standard output of Node, or the console. */
export function standardOutput(): Output {
  if (!stream?.write) {
    const { log } = globalThis.console
    return { live: false, columns: 80, rewrite: () => undefined, print: (line) => log(line) }
  }
  return {
    live: stream.isTTY === true,
    columns: stream.columns ?? 80,
    rewrite: (line) => void stream.write(`\r\u001B[K${line}`),
    print: (line) => void stream.write(stream.isTTY ? `\r\u001B[K${line}\n` : `${line}\n`),
  }
}
