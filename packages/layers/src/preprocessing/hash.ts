/** The 64-bit hashes of strings that TensorFlow, and so Keras, puts values into bins with. */

const wrap = (x: bigint): bigint => BigInt.asUintN(64, x)
const rotate = (x: bigint, right: bigint): bigint => wrap((x >> right) | (x << (64n - right)))
const mix = (x: bigint): bigint => x ^ (x >> 47n)

const k0 = 0xc3a5c85c97cb3127n
const k1 = 0xb492b66fbe98f273n
const k2 = 0x9ae16a3b2f90404fn

/** Two words as one. */
function join(u: bigint, v: bigint, mul: bigint): bigint {
  const a = mix(wrap((u ^ v) * mul))
  return wrap(mix(wrap((v ^ a) * mul)) * mul)
}

type Fetch = (at: number) => bigint
type Pair = readonly [bigint, bigint]

function weak(fetch: Fetch, at: number, seedA: bigint, seedB: bigint): Pair {
  const first = wrap(seedA + fetch(at))
  const last = fetch(at + 24)
  const b = rotate(wrap(seedB + first + last), 21n)
  const a = wrap(first + fetch(at + 8) + fetch(at + 16))
  return [wrap(a + last), wrap(b + rotate(a, 44n) + first)]
}

function upTo16(bytes: Uint8Array, view: DataView, fetch: Fetch): bigint {
  const { length } = bytes
  const mul = wrap(k2 + BigInt(length * 2))
  if (length >= 8) {
    const a = wrap(fetch(0) + k2)
    const b = fetch(length - 8)
    return join(wrap(rotate(b, 37n) * mul + a), wrap((rotate(a, 25n) + b) * mul), mul)
  }
  if (length >= 4) {
    const a = BigInt(view.getUint32(0, true))
    return join(BigInt(length) + (a << 3n), BigInt(view.getUint32(length - 4, true)), mul)
  }
  if (length === 0) return k2
  const y = BigInt(bytes[0] + (bytes[length >> 1] << 8))
  const z = BigInt(length + (bytes[length - 1] << 2))
  return wrap(mix(wrap(y * k2) ^ wrap(z * k0)) * k2)
}

function upTo64(length: number, fetch: Fetch): bigint {
  const mul = wrap(k2 + BigInt(length * 2))
  const a = wrap(fetch(0) * (length > 32 ? k2 : k1))
  const b = fetch(8)
  const c = wrap(fetch(length - 8) * mul)
  const d = wrap(fetch(length - 16) * k2)
  const y = wrap(rotate(wrap(a + b), 43n) + rotate(c, 30n) + d)
  const z = join(y, wrap(a + rotate(wrap(b + k2), 18n) + c), mul)
  if (length <= 32) return z
  const e = wrap(fetch(16) * mul)
  const f = fetch(24)
  const g = wrap((y + fetch(length - 32)) * mul)
  const h = wrap((z + fetch(length - 24)) * mul)
  return join(wrap(rotate(wrap(e + f), 43n) + rotate(g, 30n) + h), wrap(e + rotate(wrap(f + a), 18n) + g), mul)
}

/** FarmHash's `Fingerprint64` (Pike and Alakuijala, 2014). */
export function farmHash64(bytes: Uint8Array): bigint {
  const { length } = bytes
  const view = new DataView(bytes.buffer, bytes.byteOffset, length)
  const fetch = (at: number): bigint => view.getBigUint64(at, true)
  if (length <= 16) return upTo16(bytes, view, fetch)
  if (length <= 64) return upTo64(length, fetch)
  let y = wrap(81n * k1 + 113n)
  let z = wrap(mix(wrap(y * k2 + 113n)) * k2)
  let x = wrap(81n * k2 + fetch(0))
  let v: Pair = [0n, 0n]
  let w: Pair = [0n, 0n]
  const round = (at: number, mul: bigint, nine: bigint): void => {
    x = wrap(rotate(wrap(x + y + v[0] + fetch(at + 8)), 37n) * mul) ^ wrap(w[1] * nine)
    y = wrap(wrap(rotate(wrap(y + v[1] + fetch(at + 48)), 42n) * mul) + v[0] * nine + fetch(at + 40))
    z = wrap(rotate(wrap(z + w[0]), 33n) * mul)
    v = weak(fetch, at, wrap(v[1] * mul), wrap(x + w[0]))
    w = weak(fetch, at + 32, wrap(z + w[1]), wrap(y + fetch(at + 16)))
    ;[z, x] = [x, z]
  }
  for (let at = 0; at + 64 < length; at += 64) round(at, k1, 1n)
  const mul = wrap(k1 + ((z & 0xffn) << 1n))
  const carried = wrap(w[0] + BigInt((length - 1) & 63))
  v = [wrap(v[0] + carried), v[1]]
  w = [wrap(carried + v[0]), w[1]]
  round(length - 64, mul, 9n)
  return join(wrap(join(v[0], w[0], mul) + mix(y) * k0 + z), wrap(join(v[1], w[1], mul) + x), mul)
}

/** SipHash-2-4 with a key of two words (Aumasson and Bernstein, 2012). */
export function sipHash64(bytes: Uint8Array, [key0, key1]: Pair): bigint {
  let v0 = key0 ^ 0x736f6d6570736575n
  let v1 = key1 ^ 0x646f72616e646f6dn
  let v2 = key0 ^ 0x6c7967656e657261n
  let v3 = key1 ^ 0x7465646279746573n
  const round = (): void => {
    v0 = wrap(v0 + v1)
    v2 = wrap(v2 + v3)
    v1 = rotate(v1, 51n) ^ v0
    v3 = rotate(v3, 48n) ^ v2
    v0 = wrap(rotate(v0, 32n) + v3)
    v2 = wrap(v2 + v1)
    v1 = rotate(v1, 47n) ^ v2
    v3 = rotate(v3, 43n) ^ v0
    v2 = rotate(v2, 32n)
  }
  const padded = new DataView(new ArrayBuffer((bytes.length & ~7) + 8))
  bytes.forEach((byte, i) => padded.setUint8(i, byte))
  padded.setUint8(padded.byteLength - 1, bytes.length)
  for (let at = 0; at < padded.byteLength; at += 8) {
    const word = padded.getBigUint64(at, true)
    v3 ^= word
    round()
    round()
    v0 ^= word
  }
  v2 ^= 0xffn
  for (let i = 0; i < 4; i++) round()
  return v0 ^ v1 ^ v2 ^ v3
}

/** Two fingerprints as one, in order: how features are crossed. */
export function joinFingerprints(a: bigint, b: bigint): bigint {
  const mul = 0xc6a4a7935bd1e995n
  const joined = wrap((a ^ mul ^ wrap(mix(wrap(b * mul)) * mul)) * mul)
  return mix(wrap(mix(joined) * mul))
}

const encoder = new TextEncoder()

/** The bin of a string, of `bins`: by SipHash if there is a salt, else by FarmHash. */
export function bin(text: string, bins: number, salt?: readonly number[] | null): number {
  const bytes = encoder.encode(text)
  const hash = salt ? sipHash64(bytes, [BigInt(salt[0]), BigInt(salt[1])]) : farmHash64(bytes)
  return Number(hash % BigInt(bins))
}

/** The fingerprint of a text or an integer that is to be crossed. */
export const fingerprint = (value: string | number): bigint =>
  typeof value === 'string' ? farmHash64(encoder.encode(value)) : wrap(BigInt(Math.trunc(value)))
