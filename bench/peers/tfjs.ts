// TensorFlow.js, on its wasm backend (no threads in Node) or its plain JavaScript one.
import * as tf from '@tensorflow/tfjs-core'
import '@tensorflow/tfjs-backend-cpu'
import { setWasmPaths } from '@tensorflow/tfjs-backend-wasm'
import { createRequire } from 'node:module'
import { dirname } from 'node:path'

export { tf }

let ready: Promise<void> | undefined

/** TensorFlow.js with its wasm backend loaded. */
export async function tfjs(backend: 'wasm' | 'cpu' = 'wasm'): Promise<typeof tf> {
  ready ??= (async () => {
    tf.env().set('PROD', true)
    setWasmPaths(`${dirname(createRequire(import.meta.url).resolve('@tensorflow/tfjs-backend-wasm'))}/`)
    await tf.ready()
  })()
  await ready
  await tf.setBackend(backend)
  return tf
}
