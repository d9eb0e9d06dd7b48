import { cacheFolder, progress, readCache, writeCache } from '#platform'
import { LoadError } from './errors.ts'

/** What `fetch` takes as an address. */
export type Address = string | URL

export interface DownloadOptions {
  /** Sentence that ends the message of a failure: what to do. */
  advice?: string | undefined
  /** Milliseconds without a byte after which the download fails. @defaultValue 30000 */
  timeout?: number | undefined
  /** Bytes after which the download fails. @defaultValue 2 ** 30 */
  maxBytes?: number | undefined
  /** Told after every piece: bytes so far, and in all if the server says. */
  onProgress?: ((received: number, total: number | undefined) => void) | undefined
}

/**
 * The bytes at `url`, piece by piece.
 * @throws {@link LoadError} if nobody answers, the status is not 2xx, or the bytes stop coming.
 */
export async function* download(url: Address, op: string, options: DownloadOptions = {}): AsyncGenerator<Uint8Array, void> {
  const { advice, timeout = 30_000, maxBytes = 2 ** 30, onProgress } = options
  const fail = (why: string, cause?: unknown): LoadError =>
    new LoadError(`${op}: '${String(url)}', ${why}${advice === undefined ? '' : `. ${advice}`}`, { url: String(url) }, cause)

  const abort = new AbortController()
  let timer: ReturnType<typeof setTimeout> | undefined
  const alive = (): void => {
    clearTimeout(timer)
    timer = setTimeout(() => abort.abort(new Error(`no data for ${timeout / 1000} s`)), timeout)
  }
  try {
    alive()
    const response = await fetch(url, { signal: abort.signal }).catch((error: unknown) => {
      throw fail(`it cannot be fetched (${reason(error)})`, error)
    })
    if (!response.ok) throw fail(`the server answered ${response.status} ${response.statusText}`.trim())
    const total = Number(response.headers.get('content-length')) || undefined
    const reader = response.body!.getReader()
    for (let received = 0; ;) {
      alive()
      const part = await reader.read().catch((error: unknown) => {
        throw fail(`the download broke off after ${received} bytes (${reason(error)})`, error)
      })
      if (part.done) break
      received += part.value.length
      if (received > maxBytes) throw fail(`it is larger than ${maxBytes} bytes`)
      onProgress?.(received, total)
      yield part.value
    }
  } finally {
    clearTimeout(timer)
    abort.abort()
  }
}

export interface CachedDownloadOptions extends DownloadOptions {
  /** Name of the file in the cache folder. */
  name: string
  /** Expected SHA-256 of the file, in hexadecimal. */
  sha256?: string | undefined
}

/** The bytes at `url`: from the cache folder if they are there and intact, else downloaded, checked and kept. */
export async function cachedDownload(url: Address, op: string, options: CachedDownloadOptions): Promise<Uint8Array<ArrayBuffer>> {
  const { name, sha256: expected } = options
  const kept = await readCache(name)
  if (kept && (expected === undefined || (await sha256(kept)) === expected)) return kept as Uint8Array<ArrayBuffer>

  const parts: Uint8Array<ArrayBuffer>[] = []
  const onProgress = (received: number, total?: number): void => {
    progress(`${name} ${megabytes(received)}${total === undefined ? '' : ` of ${megabytes(total)}`}`)
  }
  for await (const part of download(url, op, { onProgress, ...options })) parts.push(part as Uint8Array<ArrayBuffer>)
  progress()
  const bytes = new Uint8Array(await new Blob(parts).arrayBuffer())
  if (expected !== undefined) {
    const actual = await sha256(bytes)
    if (actual !== expected) {
      const details = { url: String(url), expected, actual }
      throw new LoadError(`${op}: '${String(url)}', the file is damaged: its SHA-256 is ${actual}, not ${expected}`, details)
    }
  }
  await writeCache(name, bytes).catch((error: unknown) => {
    // The data is there all the same: only the next call has to download again.
    progress(`${op}: cannot keep ${name} in ${cacheFolder()} (${reason(error)})\n`)
  })
  return bytes
}

/** SHA-256 in hexadecimal. */
export async function sha256(bytes: Uint8Array): Promise<string> {
  const digest = await crypto.subtle.digest('SHA-256', bytes as Uint8Array<ArrayBuffer>)
  return Array.from(new Uint8Array(digest), (byte) => byte.toString(16).padStart(2, '0')).join('')
}

const megabytes = (bytes: number): string => `${(bytes / 1e6).toFixed(1)} MB`

/** The innermost message: `fetch failed` says nothing, its cause does. */
function reason(error: unknown): string {
  const { code, message, cause } = error as { code?: unknown; message?: string; cause?: unknown }
  if (cause !== undefined) return reason(cause)
  return (typeof code === 'string' && !message?.includes(code) ? `${code} ${message ?? ''}` : (message ?? String(error))).trim()
}
