/** Checks training, saving and loading in Chromium: see the README beside this file. */
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { encodeOnnx, loadModel } from '@typegrad/formats'
import { Dense } from '@typegrad/layers'
import { Sequential } from '@typegrad/model'
import { chromium, openPage } from './chromium.ts'

if (chromium === undefined) {
  console.log('test:browser: left out, there is no Chromium (CHROMIUM_PATH says where one is)')
  process.exit(0)
}

const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url))
const triple = new Sequential([new Dense({ units: 2, inputDim: 2, kernelInitializer: 'identity' })])
triple.setWeights([[[3, 0], [0, 3]], [0, 0]]) // prettier-ignore
// So large that it does not come at once.
const folder = mkdtempSync(join(tmpdir(), 'typegrad-browser-files-'))
await new Sequential([new Dense({ units: 512, inputDim: 1024 })]).save(join(folder, 'wide.keras'))
const files: Readonly<Record<string, Uint8Array>> = {
  '/files/wide.keras': readFileSync(join(folder, 'wide.keras')),
  '/files/model.onnx': await encodeOnnx(triple),
}
rmSync(folder, { recursive: true })

const { wrong, downloads, close } = await openPage(chromium, {
  entry: here('page.ts'),
  answer(path, response) {
    if (!Object.hasOwn(files, path)) return false
    const bytes = files[path]
    response.setHeader('content-length', bytes.length)
    response.end(bytes)
    return true
  },
})

/** The file that the page has downloaded, once it is there as a whole. */
async function downloaded(name: string): Promise<string | undefined> {
  const path = join(downloads, name)
  for (let i = 0; i < 100 && !existsSync(path); i++) await new Promise((resolve) => setTimeout(resolve, 100))
  return existsSync(path) ? path : undefined
}

let failed = wrong
const path = await downloaded('trained.keras')
const model = path === undefined ? undefined : await loadModel(path).catch((error: unknown) => console.log(String(error)))
if (model) console.log('ok: the download is a model')
else {
  failed++
  console.log('WRONG: the page downloaded no model')
}
await close()
console.log(failed === 0 ? 'test:browser: all is well' : `test:browser: ${failed} checks failed`)
process.exit(failed === 0 ? 0 : 1)
