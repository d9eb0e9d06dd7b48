// jax-js on its WebAssembly device.
import * as jax from '@jax-js/jax'

let ready: Promise<unknown> | undefined

export async function jaxjs(): Promise<typeof jax> {
  ready ??= jax.init('wasm').then(() => jax.defaultDevice('wasm'))
  await ready
  return jax
}

/** Waits for a result, which jax-js only promises, and lets it go. */
export async function finished(y: jax.Array): Promise<void> {
  await y.blockUntilReady()
  y.dispose()
}
