import type { FormatError } from '@typegrad/data'

const token = /"(?:[^"\\]|\\.)*"|[{}[\],:]/g

/**
 * The value of a JSON text from a file that is not trusted. A name that an object has twice is refused, since readers differ in
 * which of the two they take; `__proto__` is a name like any other.
 * @throws {@link FormatError}
 */
export function parseJson(bytes: Uint8Array | string, fail: (why: string) => FormatError): unknown {
  let text: string
  let value: unknown
  try {
    text = typeof bytes === 'string' ? bytes : new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
    value = JSON.parse(text)
  } catch (error) {
    throw fail(`it holds no JSON (${(error as Error).message})`)
  }
  assertSingleNames(text, fail)
  return value
}

function assertSingleNames(text: string, fail: (why: string) => FormatError): void {
  const open: (Set<string> | undefined)[] = []
  let last = ''
  for (const [part] of text.matchAll(token)) {
    if (part === '{') open.push(new Set())
    else if (part === '[') open.push(undefined)
    else if (part === '}' || part === ']') open.pop()
    else if (part === ':') {
      const names = open.at(-1)!
      const name = JSON.parse(last) as string
      if (names.has(name)) throw fail(`it holds the name ${JSON.stringify(name.slice(0, 100))} twice`)
      names.add(name)
    }
    last = part
  }
}

/** Whether a value is an object with names, no list. */
export const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
