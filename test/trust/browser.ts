/**
 * The training runs of `runs.ts` in headless Chromium: the same bits as in Node, on a page that forbids `eval`.
 *
 *     node --conditions=@typegrad/source --import ./scripts/ts-register.mjs test/trust/browser.ts [/path/to/chromium]
 */
import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { build } from 'vite'

const browser = [process.argv[2], '/usr/bin/chromium', '/usr/bin/google-chrome'].find(
  (path) => path !== undefined && existsSync(path),
)
if (browser === undefined) {
  console.log('test/trust/browser: skipped, there is no Chromium')
  process.exit(0)
}
const { hashes: golden } = JSON.parse(await readFile(new URL('../golden/determinism.json', import.meta.url), 'utf8')) as {
  hashes: Record<string, string>
}

const folder = await mkdtemp(join(tmpdir(), 'typegrad-trust-'))
const root = new URL('.', import.meta.url).pathname
const bundle = await build({
  root,
  logLevel: 'warn',
  resolve: { conditions: ['@typegrad/source', 'browser', 'module', 'import', 'default'] },
  build: { write: false, target: 'es2022', lib: { entry: join(root, 'page.ts'), formats: ['es'], fileName: 'page' } },
})
const outputs = [bundle].flat().flatMap((result) => ('output' in result ? result.output : []))
const scripts = new Map(outputs.map((output) => [`/${output.fileName}`, output.type === 'chunk' ? output.code : output.source]))
const entry = outputs.find((output) => output.type === 'chunk' && output.isEntry)!.fileName

const got: Record<string, string> = {}
let finish = (): void => {}
const done = new Promise<void>((resolve) => (finish = resolve))
const server = createServer((request, response) => {
  const path = new URL(request.url!, 'http://localhost').pathname
  if (path === '/tell') {
    void text(request).then((line) => {
      response.end()
      const [name, hash] = JSON.parse(line) as [string, string?]
      if (hash === undefined) return finish()
      got[name] = hash
      console.log(`${hash === golden[name] ? 'same bits' : 'OTHER BITS'}: ${name} ${hash}`)
    })
    return
  }
  // With these two headers a page has shared memory, and so threads.
  response.setHeader('cross-origin-opener-policy', 'same-origin')
  response.setHeader('cross-origin-embedder-policy', 'require-corp')
  response.setHeader('content-security-policy', "script-src 'self' 'wasm-unsafe-eval'")
  response.setHeader('content-type', path === '/' ? 'text/html' : 'text/javascript')
  response.end(path === '/' ? `<!doctype html><script type="module" src="/${entry}"></script>` : scripts.get(path))
}).listen(0)
const { port } = server.address() as AddressInfo
const page = spawn(browser, ['--headless', '--no-sandbox', `--user-data-dir=${folder}`, `http://localhost:${port}/`], {
  stdio: 'ignore',
})
const late = setTimeout(() => finish(), 120_000)
await done
clearTimeout(late)
page.kill('SIGKILL')
server.close()
await rm(folder, { recursive: true, force: true, maxRetries: 5 })
process.exit(Object.keys(golden).every((name) => got[name] === golden[name]) ? 0 : 1)
