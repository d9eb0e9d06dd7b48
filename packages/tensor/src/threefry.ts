/**
 * Threefry-2x32 with 20 rounds (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC 2011): the block at
 * `counter` of the generator `key`, written into `out`. The same key and counter give the same 64 bits on every backend.
 */
export function threefry(key: readonly [number, number], counter: readonly [number, number], out: Uint32Array): void {
  const k0 = key[0] | 0
  const k1 = key[1] | 0
  const k2 = 0x1bd11bda ^ k0 ^ k1
  let x = (counter[0] + k0) | 0
  let y = (counter[1] + k1) | 0
  // Each round adds and rotates; after every fourth the next two words of the key are added.
  for (let group = 0; group < 5; group++) {
    const even = (group & 1) === 0
    x = (x + y) | 0
    y = rotate(y, even ? 13 : 17) ^ x
    x = (x + y) | 0
    y = rotate(y, even ? 15 : 29) ^ x
    x = (x + y) | 0
    y = rotate(y, even ? 26 : 16) ^ x
    x = (x + y) | 0
    y = rotate(y, even ? 6 : 24) ^ x
    x = (x + (group % 3 === 0 ? k1 : group % 3 === 1 ? k2 : k0)) | 0
    y = (y + (group % 3 === 0 ? k2 : group % 3 === 1 ? k0 : k1) + group + 1) | 0
  }
  out[0] = x
  out[1] = y
}

const rotate = (value: number, bits: number): number => (value << bits) | (value >>> (32 - bits))
