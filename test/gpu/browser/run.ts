/**
 * Tests the backend in a browser: WebGPU and WebGL 2 of headless Chromium, on a page whose content-security policy allows
 * neither `eval` nor inline scripts.
 *
 *     npm run test:gpu
 */
import { fileURLToPath } from 'node:url'
import { chromium, openPage } from '../../browser/chromium.ts'

if (chromium === undefined) {
  console.log('test/gpu/browser: skipped, there is no Chromium')
  process.exit(0)
}

const { wrong, close } = await openPage(chromium, {
  entry: fileURLToPath(new URL('page.ts', import.meta.url)),
  seconds: 300,
  policy: "script-src 'self'",
  flags: ['--enable-unsafe-webgpu', '--enable-unsafe-swiftshader'],
})
await close()
process.exitCode = wrong > 0 ? 1 : 0
