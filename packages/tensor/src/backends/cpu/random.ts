import type { Tensor } from '../../tensor.ts'
import { threefry } from '../../threefry.ts'

/** Element i is the 24 (float32) or 53 (float64) upper bits of the block at counter `[i, stream]`. */
export function random(key: readonly [number, number], stream: number, out: Tensor): void {
  const { array, layout, dtype } = out
  const block = new Uint32Array(2)
  for (let i = 0; i < layout.size; i++) {
    threefry(key, [i, stream], block)
    array[layout.offset + i] =
      dtype === 'float64' ? ((block[0] >>> 5) * 67108864 + (block[1] >>> 6)) / 9007199254740992 : (block[0] >>> 8) / 16777216
  }
}
