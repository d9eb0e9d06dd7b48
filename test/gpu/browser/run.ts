/**
 * Tests the backend in a browser: WebGPU and WebGL 2 of headless Chromium, on a page whose content-security policy allows
 * neither `eval` nor inline scripts.
 *
 *     node --conditions=@typegrad/source --import ./scripts/ts-register.mjs test/gpu/browser/run.ts [/path/to/chromium]
 */
import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
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
  console.log('test/gpu/browser: skipped, there is no Chromium')
  process.exit(0)
}

const folder = await mkdtemp(join(tmpdir(), 'typegrad-gpu-'))
const root = new URL('.', import.meta.url).pathname
const bundle = await build({
  root,
  logLevel: 'warn',
  resolve: { conditions: ['@typegrad/source', 'browser', 'module', 'import', 'default'] },
  build: {
    write: false,
    minify: true,
    target: 'es2022',
    lib: { entry: join(root, 'page.ts'), formats: ['es'], fileName: 'page' },
  },
})
const outputs = [bundle].flat().flatMap((result) => ('output' in result ? result.output : []))
const scripts = new Map(outputs.map((output) => [`/${output.fileName}`, output.type === 'chunk' ? output.code : output.source]))
const entry = outputs.find((output) => output.type === 'chunk' && output.isEntry)!.fileName

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
  response.setHeader('content-security-policy', "script-src 'self'")
  response.setHeader('content-type', path === '/' ? 'text/html' : 'text/javascript')
  response.end(path === '/' ? `<!doctype html><script type="module" src="/${entry}"></script>` : scripts.get(path))
}).listen(0)
const { port } = server.address() as AddressInfo

const flags = [
  '--headless=new',
  '--no-sandbox',
  '--enable-unsafe-webgpu',
  '--enable-unsafe-swiftshader',
  `--user-data-dir=${folder}`,
]
const chromium = spawn(browser, [...flags, `http://localhost:${port}/`], { stdio: 'ignore' })
const late = setTimeout(() => {
  console.log('WRONG: the browser did not finish in 5 minutes')
  wrong++
  finish()
}, 300_000)
await done
clearTimeout(late)
chromium.kill('SIGKILL')
server.close()
server.closeAllConnections()
await new Promise((resolve) => setTimeout(resolve, 500))
await rm(folder, { recursive: true, force: true })
process.exitCode = wrong > 0 ? 1 : 0
