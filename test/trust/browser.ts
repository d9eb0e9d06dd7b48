/**
 * The training runs of `runs.ts` in headless Chromium: the same bits as in Node, on a page that forbids `eval`.
 *
 *     node --conditions=@typegrad/source --import ./scripts/ts-register.mjs test/trust/browser.ts
 */
import { fileURLToPath } from 'node:url'
import { chromium, openPage } from '../browser/chromium.ts'

if (chromium === undefined) {
  console.log('test/trust/browser: left out, there is no Chromium (CHROMIUM_PATH says where one is)')
  process.exit(0)
}
const { wrong, close } = await openPage(chromium, { entry: fileURLToPath(new URL('page.ts', import.meta.url)) })
await close()
process.exit(wrong === 0 ? 0 : 1)
