// jax-js on its WebAssembly device.
import * as jax from '@jax-js/jax'

let ready: Promise<unknown> | undefined

export async function jaxjs(): Promise<typeof jax> {
  ready ??= jax.init('wasm').then(() => jax.defaultDevice('wasm'))
  await ready
  return jax
}
