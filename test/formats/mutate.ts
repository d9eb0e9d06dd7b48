/** Files damaged at random, always the same ones: what a reader must refuse with a typed error, or read. */
import { TypegradError } from '@typegrad/tensor'
import { expect } from 'vitest'

/** How many damaged files each format meets: 2,000, or as many as `FUZZ_RUNS` says. */
export const runs = Number(process.env['FUZZ_RUNS'] ?? 2000)

/** A small generator of numbers below n (mulberry32). */
export function numbers(seed: number): (n: number) => number {
  let state = seed
  return (n) => {
    state = (state + 0x6d2b79f5) | 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) % n
  }
}

const texts = ['__proto__', 'constructor', '99999999999999999999', '-1', '1e400', 'null', '{"', '\0', '../', '']

/** One damaged copy: bits flipped, bytes overwritten, cut, doubled, swapped or put in. */
export function mutated(bytes: Uint8Array, below: (n: number) => number): Uint8Array<ArrayBuffer> {
  let out = Uint8Array.from(bytes)
  for (let times = 1 + below(3); times > 0; times--) {
    if (out.length === 0) return out
    // Heads and tails hold what describes the rest: they are hit more often.
    const [width, from] = [
      [out.length, 0],
      [Math.min(512, out.length), 0],
      [Math.min(512, out.length), out.length - Math.min(512, out.length)],
    ][below(3)]
    const at = from + below(width)
    const length = 1 + below(Math.min(64, out.length - at))
    const kind = below(8)
    if (kind === 0) out[at] ^= 1 << below(8)
    else if (kind === 1) out[at] = below(256)
    else if (kind === 2) out.fill([0, 255, 127, 128][below(4)], at, at + 1 + below(8))
    else if (kind === 3) out = out.slice(0, at)
    else if (kind === 4) out = joined(out.subarray(0, at), out.subarray(at + length))
    else if (kind === 5) out = joined(out.subarray(0, at + length), out.subarray(at))
    else if (kind === 6) out.copyWithin(at, below(out.length), below(out.length))
    else out = joined(out.subarray(0, at), new TextEncoder().encode(texts[below(texts.length)]), out.subarray(at))
  }
  return out
}

const joined = (...parts: Uint8Array[]): Uint8Array<ArrayBuffer> => {
  const out = new Uint8Array(parts.reduce((size, part) => size + part.length, 0))
  let at = 0
  for (const part of parts) {
    out.set(part, at)
    at += part.length
  }
  return out
}

/** Reads damaged copies: each must be read or refused with an error of ours, within a second, and change no prototype. */
export async function fuzz(
  files: readonly Uint8Array[],
  read: (bytes: Uint8Array<ArrayBuffer>) => unknown,
  { count = runs, seed = 1 }: { count?: number; seed?: number } = {},
): Promise<{ refused: number; read: number }> {
  const below = numbers(seed)
  const before = Reflect.ownKeys(Object.prototype).length
  const outcome = { refused: 0, read: 0 }
  for (let i = 0; i < count; i++) {
    const bytes = mutated(files[i % files.length], below)
    const begun = performance.now()
    try {
      await read(bytes)
      outcome.read++
    } catch (error) {
      if (!(error instanceof TypegradError)) throw new Error(`copy ${i} of seed ${seed}: ${String(error)}`, { cause: error })
      outcome.refused++
    }
    const took = performance.now() - begun
    if (took > 1000) throw new Error(`copy ${i} of seed ${seed} took ${took} ms`)
  }
  expect(Reflect.ownKeys(Object.prototype)).toHaveLength(before)
  return outcome
}
