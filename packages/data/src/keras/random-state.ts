/**
 * NumPy's legacy `RandomState(seed)`, as far as `shuffle(arange(n))` goes, so that the reviews come in the order in which
 * Keras gives them. The generator is MT19937 (Matsumoto and Nishimura, 1998).
 */
export function randomState(seed: number): { permutation(n: number): Int32Array } {
  const next = mersenneTwister(seed)
  return {
    permutation(n) {
      const order = Int32Array.from({ length: n }, (_, i) => i)
      for (let i = n - 1; i > 0; i--) {
        // A number in [0, i]: draws under the next power of two, until one is not above i.
        const mask = 2 ** (32 - Math.clz32(i)) - 1
        let j = (next() & mask) >>> 0
        while (j > i) j = (next() & mask) >>> 0
        const held = order[i]
        order[i] = order[j]
        order[j] = held
      }
      return order
    },
  }
}

function mersenneTwister(seed: number): () => number {
  const state = new Uint32Array(624)
  state[0] = seed
  for (let i = 1; i < 624; i++) state[i] = Math.imul(1812433253, state[i - 1] ^ (state[i - 1] >>> 30)) + i
  let at = 624
  return () => {
    if (at === 624) {
      for (let i = 0; i < 624; i++) {
        const y = (state[i] & 0x80000000) | (state[(i + 1) % 624] & 0x7fffffff)
        state[i] = state[(i + 397) % 624] ^ (y >>> 1) ^ (y & 1 ? 0x9908b0df : 0)
      }
      at = 0
    }
    let y = state[at++]
    y ^= y >>> 11
    y ^= (y << 7) & 0x9d2c5680
    y ^= (y << 15) & 0xefc60000
    return (y ^ (y >>> 18)) >>> 0
  }
}
