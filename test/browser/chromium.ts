/** Opens a page in headless Chromium, which tells what it finds out line by line: `fetch('/tell', …)`, and at last `done`. */
import { spawn } from 'node:child_process'
import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { build } from 'vite'

export interface PageOptions {
  /** The page's script. */
  readonly entry: string
  /** Answers requests for other paths; says whether it did. */
  readonly answer?: (path: string, response: ServerResponse) => boolean
  readonly seconds?: number
  /** Its content-security policy. */
  readonly policy?: string
  /** Further flags of the browser. */
  readonly flags?: readonly string[]
}

/** The Chromium that there is: that of `CHROMIUM_PATH`, or the system's. */
export const chromium = [process.env['CHROMIUM_PATH'], '/usr/bin/chromium', '/usr/bin/google-chrome'].find(
  (path) => path !== undefined && existsSync(path),
)

/** Every file of a bundle of the sources, by path; the entry is `/page.js`. */
async function bundle(entry: string): Promise<Map<string, string | Uint8Array>> {
  const built = await build({
    root: join(entry, '..'),
    logLevel: 'warn',
    resolve: { conditions: ['@typegrad/source', 'browser', 'module', 'import', 'default'] },
    worker: { format: 'es' },
    build: {
      write: false,
      target: 'es2022',
      modulePreload: false,
      chunkSizeWarningLimit: 8000,
      rollupOptions: { input: entry, output: { entryFileNames: 'page.js' } },
    },
  })
  const outputs = [built].flat().flatMap((result) => ('output' in result ? result.output : []))
  return new Map(outputs.map((output) => [`/${output.fileName}`, output.type === 'chunk' ? output.code : output.source]))
}

/** Opens the page; `downloads` is where it puts what is downloaded. Returns how many lines began with `WRONG`. */
export async function openPage(
  executable: string,
  { entry, answer, seconds = 120, policy = "script-src 'self' 'wasm-unsafe-eval'", flags = [] }: PageOptions,
): Promise<{ wrong: number; downloads: string; close: () => Promise<void> }> {
  const scripts = await bundle(entry)
  const profile = await mkdtemp(join(tmpdir(), 'typegrad-browser-'))
  const downloads = join(profile, 'downloads')
  mkdirSync(join(profile, 'Default'), { recursive: true })
  writeFileSync(
    join(profile, 'Default', 'Preferences'),
    JSON.stringify({ download: { default_directory: downloads, prompt_for_download: false } }),
  )
  let wrong = 0
  let finish = (): void => {}
  const done = new Promise<void>((resolve) => (finish = resolve))
  const server = createServer((request, response) => {
    const path = new URL(request.url!, 'http://localhost').pathname
    if (path === '/tell') {
      void text(request).then((line) => {
        response.end()
        if (line === 'done') return finish()
        if (line.startsWith('WRONG')) wrong++
        console.log(line)
      })
      return
    }
    response.setHeader('cross-origin-opener-policy', 'same-origin')
    response.setHeader('cross-origin-embedder-policy', 'require-corp')
    response.setHeader('content-security-policy', policy)
    if (answer?.(path, response)) return
    const found = path === '/' ? '<!doctype html><script type="module" src="/page.js"></script>' : scripts.get(path)
    response.statusCode = found === undefined ? 404 : 200
    response.setHeader(
      'content-type',
      path === '/' ? 'text/html' : path.endsWith('.js') ? 'text/javascript' : 'application/octet-stream',
    )
    response.end(found)
  }).listen(0)
  const { port } = server.address() as AddressInfo
  const own = ['--headless=new', '--no-sandbox', '--no-first-run', `--user-data-dir=${profile}`]
  const browser = spawn(executable, [...own, ...flags, `http://localhost:${port}/`], { stdio: 'ignore' })
  const late = setTimeout(() => {
    console.log(`WRONG: the page did not finish in ${seconds} s`)
    wrong++
    finish()
  }, seconds * 1000)
  await done
  clearTimeout(late)
  const close = async (): Promise<void> => {
    const ended = new Promise((resolve) => browser.on('exit', resolve))
    browser.kill('SIGKILL')
    await ended
    server.close()
    server.closeAllConnections()
    await rm(profile, { recursive: true, force: true, maxRetries: 5 })
  }
  return { wrong, downloads, close }
}
