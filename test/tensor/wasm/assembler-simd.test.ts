import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  type Expr,
  f32x4,
  f64x2,
  i16x8,
  i32,
  i32x4,
  i64x2,
  i8x16,
  ModuleBuilder,
  type Type,
  v128,
} from '../../../packages/tensor/src/backends/wasm/assembler/index.ts'
import { detectFeatures } from '../../../packages/tensor/src/backends/wasm/features.ts'
import { platform } from '../../../packages/tensor/src/backends/wasm/platform.node.ts'

// Switches relaxed SIMD on.
detectFeatures(platform.enableRelaxedSimd)

const { fround } = Math
type Lane = number | bigint
type Lanes = readonly Lane[]

/** The lanes of 16 bytes, and back. */
const views = {
  i8: Int8Array,
  u8: Uint8Array,
  i16: Int16Array,
  u16: Uint16Array,
  i32: Int32Array,
  u32: Uint32Array,
  i64: BigInt64Array,
  f32: Float32Array,
  f64: Float64Array,
} as const
type View = keyof typeof views

const lanesOf = (view: View, bytes: Uint8Array<ArrayBuffer>): Lane[] => [...new views[view](bytes.slice().buffer)]
const isWide = (view: View): boolean => view === 'i64'

const vectors: fc.Arbitrary<Uint8Array<ArrayBuffer>> = fc
  .oneof(
    fc.uint8Array({ minLength: 16, maxLength: 16 }),
    fc
      .array(fc.oneof(fc.float(), fc.constantFrom(0, -0, 1, NaN, Infinity, -Infinity, 2.5, -2.5, 1e10)), {
        minLength: 4,
        maxLength: 4,
      })
      .map((x) => new Uint8Array(new Float32Array(x).buffer)),
    fc
      .array(fc.oneof(fc.double(), fc.constantFrom(0, -0, 1, NaN, Infinity, -Infinity, 2.5, -2.5, 1e10)), {
        minLength: 2,
        maxLength: 2,
      })
      .map((x) => new Uint8Array(new Float64Array(x).buffer)),
    fc
      .array(fc.integer({ min: -2, max: 2 }), { minLength: 4, maxLength: 4 })
      .map((x) => new Uint8Array(new Int32Array(x).buffer)),
  )
  .map((x) => new Uint8Array(x))

/** A row: how the operands and the result are read, what JavaScript makes of them, and how many they are. */
type Row = readonly [input: View, output: View, js: (...vectors: Lanes[]) => Lane[], operands?: number]

const each = (view: View, js: (...lanes: any[]) => Lane, output: View = view): Row => [
  view,
  output,
  (...given) => given[0].map((_, i) => js(...given.map((vector) => vector[i]))),
  js.length,
]

const min = (a: number, b: number): number => Math.min(a, b)
const max = (a: number, b: number): number => Math.max(a, b)
const all = (
  view: View,
  table: Record<string, (...lanes: any[]) => Lane>,
  suffix = '',
  output: View = view,
): Record<string, Row> => Object.fromEntries(Object.entries(table).map(([name, js]) => [name + suffix, each(view, js, output)]))

const masks: Record<View, View> = {
  i8: 'i8',
  u8: 'i8',
  i16: 'i16',
  u16: 'i16',
  i32: 'i32',
  u32: 'i32',
  i64: 'i64',
  f32: 'i32',
  f64: 'i64',
}
const comparisons = (view: View, suffix = ''): Record<string, Row> => {
  const [yes, no] = masks[view] === 'i64' ? [-1n, 0n] : [-1, 0]
  return all(
    view,
    {
      lt: (a, b) => (a < b ? yes : no),
      gt: (a, b) => (a > b ? yes : no),
      le: (a, b) => (a <= b ? yes : no),
      ge: (a, b) => (a >= b ? yes : no),
    },
    suffix,
    masks[view],
  )
}
const equality = (view: View): Record<string, Row> => {
  const [yes, no] = masks[view] === 'i64' ? [-1n, 0n] : [-1, 0]
  return all(view, { eq: (a, b) => (a === b ? yes : no), ne: (a, b) => (a === b ? no : yes) }, '', masks[view])
}

/** Rounds to even, and keeps the sign of zero. */
function nearest(x: number): number {
  if (!Number.isFinite(x) || Math.abs(x) >= 2 ** 52) return x
  const rounded = x > 0 ? x + 2 ** 52 - 2 ** 52 : x - 2 ** 52 + 2 ** 52
  return rounded === 0 && (x < 0 || Object.is(x, -0)) ? -0 : rounded
}

const floats = (view: 'f32' | 'f64', round: (x: number) => number): Record<string, Row> => ({
  ...comparisons(view),
  ...equality(view),
  ...all(view, {
    abs: Math.abs,
    neg: (a) => -a,
    ceil: Math.ceil,
    floor: Math.floor,
    trunc: Math.trunc,
    nearest,
    sqrt: (a) => round(Math.sqrt(a)),
    add: (a, b) => round(a + b),
    sub: (a, b) => round(a - b),
    mul: (a, b) => round(a * b),
    div: (a, b) => round(a / b),
    min,
    max,
    pmin: (a, b) => (b < a ? b : a),
    pmax: (a, b) => (a < b ? b : a),
  }),
})

const integers = (signed: View, plain: View): Record<string, Row> => ({
  ...comparisons(signed, 'S'),
  ...comparisons(plain, 'U'),
  ...equality(signed),
  ...all(signed, { abs: Math.abs, neg: (a) => -a, add: (a, b) => a + b, sub: (a, b) => a - b }),
  ...all(signed, { min, max }, 'S'),
  ...all(plain, { min, max }, 'U'),
})

const clamp =
  (low: number, high: number) =>
  (x: number): number =>
    Math.min(high, Math.max(low, x))
const saturating = (signed: View, plain: View, bits: number): Record<string, Row> => {
  const s = clamp(-(2 ** (bits - 1)), 2 ** (bits - 1) - 1)
  const u = clamp(0, 2 ** bits - 1)
  return {
    ...all(signed, { addSat: (a, b) => s(a + b), subSat: (a, b) => s(a - b) }, 'S'),
    ...all(plain, { addSat: (a, b) => u(a + b), subSat: (a, b) => u(a - b) }, 'U'),
    ...all(plain, { avgr: (a, b) => (a + b + 1) >> 1 }, 'U'),
  }
}
/** Names like `extendLowI8x16S`: half of the lanes, or pairs of them, made wider. */
const widening = (
  name: string,
  signed: View,
  plain: View,
  outSigned: View,
  outPlain: View,
  number: (x: Lane) => Lane,
): Record<string, Row> => {
  const rows: Record<string, Row> = {}
  for (const [sign, view, output] of [
    ['S', signed, outSigned],
    ['U', plain, outPlain],
  ] as const) {
    for (const half of ['Low', 'High'] as const) {
      const part = (x: Lanes): Lane[] =>
        x.slice(half === 'Low' ? 0 : x.length / 2, half === 'Low' ? x.length / 2 : undefined).map(number)
      rows[`extend${half}${name}${sign}`] = [view, output, (x) => part(x)]
      rows[`extmul${half}${name}${sign}`] = [view, output, (x, y) => part(x).map((a, i) => (a as any) * (part(y)[i] as any))]
    }
  }
  return rows
}
const pairwise = (name: string, signed: View, plain: View, outSigned: View, outPlain: View): Record<string, Row> => {
  const pairs = (x: Lanes): Lane[] => Array.from({ length: x.length / 2 }, (_, i) => Number(x[2 * i]) + Number(x[2 * i + 1]))
  return { [`extaddPairwise${name}S`]: [signed, outSigned, pairs], [`extaddPairwise${name}U`]: [plain, outPlain, pairs] }
}
const narrow = (name: string, view: View, outSigned: View, outPlain: View, bits: number): Record<string, Row> => {
  const both = (round: (x: number) => number) => (x: Lanes, y: Lanes) => [...x, ...y].map((lane) => round(Number(lane)))
  return {
    [`narrow${name}S`]: [view, outSigned, both(clamp(-(2 ** (bits - 1)), 2 ** (bits - 1) - 1))],
    [`narrow${name}U`]: [view, outPlain, both(clamp(0, 2 ** bits - 1))],
  }
}
const saturate =
  (low: number, high: number) =>
  (x: Lane): number =>
    Number.isNaN(x) ? 0 : clamp(low, high)(Math.trunc(Number(x)))
const toInt = saturate(-(2 ** 31), 2 ** 31 - 1)
const toUint = saturate(0, 2 ** 32 - 1)

const reference: Record<string, Record<string, Row>> = {
  v128: {
    not: each('i32', (a) => ~a),
    and: each('i32', (a, b) => a & b),
    andnot: each('i32', (a, b) => a & ~b),
    or: each('i32', (a, b) => a | b),
    xor: each('i32', (a, b) => a ^ b),
    bitselect: each('i32', (a, b, mask) => (a & mask) | (b & ~mask)),
  },
  i8x16: {
    ...integers('i8', 'u8'),
    ...saturating('i8', 'u8', 8),
    ...narrow('I16x8', 'i16', 'i8', 'u8', 8),
    popcnt: each('u8', (a) => a.toString(2).replaceAll('0', '').length),
    swizzle: ['u8', 'u8', (x, at) => at.map((i) => x[Number(i)] ?? 0)],
  },
  i16x8: {
    ...integers('i16', 'u16'),
    ...saturating('i16', 'u16', 16),
    ...narrow('I32x4', 'i32', 'i16', 'u16', 16),
    ...widening('I8x16', 'i8', 'u8', 'i16', 'u16', Number),
    ...pairwise('I8x16', 'i8', 'u8', 'i16', 'u16'),
    mul: each('i16', (a, b) => a * b),
    q15mulrSatS: each('i16', (a, b) => clamp(-32768, 32767)((a * b + 0x4000) >> 15)),
  },
  i32x4: {
    ...integers('i32', 'u32'),
    ...widening('I16x8', 'i16', 'u16', 'i32', 'u32', Number),
    ...pairwise('I16x8', 'i16', 'u16', 'i32', 'u32'),
    mul: each('i32', (a, b) => Math.imul(a, b)),
    dotI16x8S: [
      'i16',
      'i32',
      (x, y) => [0, 2, 4, 6].map((i) => (Number(x[i]) * Number(y[i]) + Number(x[i + 1]) * Number(y[i + 1])) | 0),
    ],
    truncSatF32x4S: ['f32', 'i32', (x) => x.map(toInt)],
    truncSatF32x4U: ['f32', 'u32', (x) => x.map(toUint)],
    truncSatF64x2SZero: ['f64', 'i32', (x) => [...x.map(toInt), 0, 0]],
    truncSatF64x2UZero: ['f64', 'u32', (x) => [...x.map(toUint), 0, 0]],
  },
  i64x2: {
    ...comparisons('i64', 'S'),
    ...equality('i64'),
    ...widening('I32x4', 'i32', 'u32', 'i64', 'i64', (x) => BigInt(x)),
    ...all('i64', {
      abs: (a) => (a < 0n ? -a : a),
      neg: (a) => -a,
      add: (a, b) => a + b,
      sub: (a, b) => a - b,
      mul: (a, b) => a * b,
    }),
  },
  f32x4: {
    ...floats('f32', fround),
    demoteF64x2Zero: ['f64', 'f32', (x) => [...x.map((lane) => fround(Number(lane))), 0, 0]],
    convertI32x4S: ['i32', 'f32', (x) => x.map((lane) => fround(Number(lane)))],
    convertI32x4U: ['u32', 'f32', (x) => x.map((lane) => fround(Number(lane)))],
  },
  f64x2: {
    ...floats('f64', (x) => x),
    promoteLowF32x4: ['f32', 'f64', (x) => x.slice(0, 2)],
    convertLowI32x4S: ['i32', 'f64', (x) => x.slice(0, 2)],
    convertLowI32x4U: ['u32', 'f64', (x) => x.slice(0, 2)],
  },
}

const namespaces = { v128, i8x16, i16x8, i32x4, i64x2, f32x4, f64x2 }
const memory = new WebAssembly.Memory({ initial: 1 })
const heap = new Uint8Array(memory.buffer)

/** A module of functions that read vectors at 0, 16 and 32 and store one at 48. */
function build(
  bodies: Record<string, (...vectors: Expr<'v128'>[]) => Expr<Type>>,
): (name: string, ...vectors: Uint8Array[]) => Lane {
  const module = new ModuleBuilder({ memory: {} })
  for (const [name, body] of Object.entries(bodies)) {
    const value = body(v128.load(0), v128.load(16), v128.load(32))
    const stores = value.type === 'v128'
    const result = stores ? 'i32' : value.type
    module.export(
      module.func(name, { params: {}, result }, (f) => {
        if (stores) f.do(v128.store(48, value as Expr<'v128'>))
        f.return((stores ? i32.const(0) : value) as never)
      }),
    )
  }
  const { exports } = new WebAssembly.Instance(module.compile(), { env: { memory } })
  return (name, ...vectors) => {
    vectors.forEach((vector, i) => heap.set(vector, 16 * i))
    return (exports[name] as () => Lane)()
  }
}
const result = (): Uint8Array<ArrayBuffer> => new Uint8Array(heap.slice(48, 64))
/** What a typed array makes of the values: integers wrap. */
const wrapped = (view: View, values: Lane[]): Lane[] => [...(new views[view](values as never) as Iterable<Lane>)]

describe.each(Object.keys(namespaces) as (keyof typeof namespaces)[])('%s', (space) => {
  const table = reference[space]
  const make = namespaces[space] as unknown as Record<string, (...args: unknown[]) => Expr<Type>>

  test('has a reference for every instruction that is not tested by itself', () => {
    const special =
      /^(const|shuffle|splat|extractLane.*|replaceLane|allTrue|anyTrue|bitmask|shl|shrS|shrU|load.*|store.*|relaxed.*)$/
    expect(
      Object.keys(make)
        .filter((name) => !special.test(name))
        .toSorted(),
    ).toEqual(Object.keys(table).toSorted())
  })

  const run = build(
    Object.fromEntries(
      Object.entries(table).map(([name, row]) => [name, (...given) => make[name](...given.slice(0, row[3] ?? row[2].length))]),
    ),
  )
  test.each(Object.entries(table))('%s', (name, row) => {
    const [input, output, js] = row
    fc.assert(
      fc.property(fc.tuple(vectors, vectors, vectors), (all) => {
        const given = all.slice(0, row[3] ?? js.length)
        run(name, ...given)
        expect(lanesOf(output, result())).toEqual(wrapped(output, js(...given.map((vector) => lanesOf(input, vector)))))
      }),
    )
  })
})

describe('lanes', () => {
  const spaces = [
    ['i8x16', 'i8', 'i32', 8],
    ['i16x8', 'i16', 'i32', 16],
    ['i32x4', 'i32', 'i32', 32],
    ['i64x2', 'i64', 'i64', 64],
    ['f32x4', 'f32', 'f32', 32],
    ['f64x2', 'f64', 'f64', 64],
  ] as const

  test.each(spaces)('%s: constants, splat, extract, replace, shuffle', (space, view, type, bits) => {
    const ops = namespaces[space] as any
    const count = 128 / bits
    const number = (x: number): Lane => (isWide(view) ? BigInt(x) : x)
    const values = Array.from({ length: count }, (_, i) => number(i % 2 ? -i - 1 : i + 1))
    const scalar = (x: number): Expr<Type> =>
      ({
        i32: i32.const(x),
        i64: i64x2.extractLane(i64x2.const(BigInt(x)), 0),
        f32: f32x4.extractLane(f32x4.const(x), 0),
        f64: f64x2.extractLane(f64x2.const(x), 0),
      })[type]
    const extract = ops.extractLane ?? ops.extractLaneS
    const reversed = Array.from({ length: count }, (_, i) => 2 * count - 1 - i)
    const run = build({
      constant: () => ops.const(...values),
      same: () => ops.const(number(7)),
      splat: () => ops.splat(scalar(-5)),
      replace: (x) => ops.replaceLane(x, count - 1, scalar(9)),
      shuffle: (x, y) => ops.shuffle(x, y, ...reversed),
      ...Object.fromEntries(values.map((_, i) => [`extract${i}`, (x: Expr<'v128'>) => extract(x, i)])),
    })
    const lanes = (name: string, ...given: Uint8Array[]): Lane[] => {
      run(name, ...given)
      return lanesOf(view, result())
    }
    expect(lanes('constant')).toEqual(values)
    expect(lanes('same')).toEqual(values.map(() => number(7)))
    expect(lanes('splat')).toEqual(values.map(() => number(-5)))
    const x = new Uint8Array(new views[view](values as never).buffer)
    const y = new Uint8Array(new views[view](values.map((_, i) => number(20 + i)) as never).buffer)
    expect(lanes('replace', x)).toEqual([...values.slice(0, -1), number(9)])
    expect(lanes('shuffle', x, y)).toEqual(values.map((_, i) => number(20 + count - 1 - i)))
    expect(values.map((_, i) => run(`extract${i}`, x))).toEqual(values)
  })

  test.each(spaces.slice(0, 4))('%s: shifts, bitmask, allTrue', (space, view, _type, bits) => {
    const ops = namespaces[space] as typeof i32x4
    const run = build({
      shl: (x) => ops.shl(x, bits + 3),
      shrS: (x) => ops.shrS(x, 3),
      shrU: (x) => ops.shrU(x, 3),
      bitmask: (x) => ops.bitmask(x),
      allTrue: (x) => ops.allTrue(x),
      anyTrue: (x) => v128.anyTrue(x),
    })
    fc.assert(
      fc.property(vectors, (x) => {
        const given = lanesOf(view, x).map(BigInt)
        const lanes = (name: string): bigint[] => {
          run(name, x)
          return lanesOf(view, result()).map(BigInt)
        }
        expect(lanes('shl')).toEqual(given.map((lane) => BigInt.asIntN(bits, lane << 3n)))
        expect(lanes('shrS')).toEqual(given.map((lane) => lane >> 3n))
        expect(lanes('shrU')).toEqual(given.map((lane) => BigInt.asIntN(bits, BigInt.asUintN(bits, lane) >> 3n)))
        expect(run('bitmask', x)).toBe(given.reduce((mask, lane, i) => mask | (lane < 0n ? 1 << i : 0), 0))
        expect(run('allTrue', x)).toBe(given.every((lane) => lane !== 0n) ? 1 : 0)
        expect(run('anyTrue', x)).toBe(given.some((lane) => lane !== 0n) ? 1 : 0)
      }),
    )
  })

  test('bytes and shorts come out with and without a sign', () => {
    const run = build({
      s8: (x) => i8x16.extractLaneS(x, 3),
      u8: (x) => i8x16.extractLaneU(x, 3),
      s16: (x) => i16x8.extractLaneS(x, 3),
      u16: (x) => i16x8.extractLaneU(x, 3),
    })
    const x = new Uint8Array(16).fill(0xfe)
    expect([run('s8', x), run('u8', x), run('s16', x), run('u16', x)]).toEqual([-2, 0xfe, -258, 0xfefe])
  })
})

describe('memory', () => {
  const bytes = Uint8Array.from({ length: 16 }, (_, i) => 0xf0 + i)

  test.each([
    ['load', 'u8', [...bytes]],
    ['load8Splat', 'u8', Array.from({ length: 16 }, () => 0xf0)],
    ['load16Splat', 'u16', Array.from({ length: 8 }, () => 0xf1f0)],
    ['load32Splat', 'u32', Array.from({ length: 4 }, () => 0xf3f2f1f0)],
    ['load64Splat', 'i64', Array.from({ length: 2 }, () => BigInt.asIntN(64, 0xf7f6f5f4f3f2f1f0n))],
    ['load32Zero', 'u32', [0xf3f2f1f0, 0, 0, 0]],
    ['load64Zero', 'u32', [0xf3f2f1f0, 0xf7f6f5f4, 0, 0]],
    ['load8x8S', 'i16', [...bytes.subarray(0, 8)].map((x) => x - 256)],
    ['load8x8U', 'i16', [...bytes.subarray(0, 8)]],
    ['load16x4S', 'i32', [0xf1f0, 0xf3f2, 0xf5f4, 0xf7f6].map((x) => x - 65536)],
    ['load16x4U', 'i32', [0xf1f0, 0xf3f2, 0xf5f4, 0xf7f6]],
    ['load32x2S', 'i64', [0xf3f2f1f0n, 0xf7f6f5f4n].map((x) => x - 2n ** 32n)],
    ['load32x2U', 'i64', [0xf3f2f1f0n, 0xf7f6f5f4n]],
  ] as const)('%s', (name, view, expected) => {
    const run = build({ plain: () => v128[name](0), offset: () => v128[name](3, 77, 1) })
    run('plain', bytes)
    expect(lanesOf(view, result())).toEqual(expected)
    heap.set(bytes, 80)
    run('offset')
    expect(lanesOf(view, result())).toEqual(expected)
  })

  test.each([8, 16, 32, 64] as const)('one lane of %i bits', (bits) => {
    const lane = 128 / bits - 1
    const module = new ModuleBuilder({ memory: {} })
    const run = module.func('run', { params: {} }, (f) => {
      f.do(v128.store(48, v128[`load${bits}Lane`](0, v128.load(16), lane)), v128[`store${bits}Lane`](64, v128.load(0), lane, 4))
    })
    module.export(run)
    const { exports } = new WebAssembly.Instance(module.compile(), { env: { memory } })
    heap.fill(7)
    heap.set(bytes)
    ;(exports.run as () => void)()
    const size = bits / 8
    expect([...result()]).toEqual([...Array.from({ length: 16 - size }, () => 7), ...bytes.subarray(0, size)])
    expect(Array.from(heap.subarray(68, 84))).toEqual([
      ...bytes.subarray(16 - size),
      ...Array.from({ length: 16 - size }, () => 7),
    ])
  })
})

test('relaxed multiply-add rounds once or twice', () => {
  const run = build({
    f32: (a, b, c) => f32x4.relaxedMadd(a, b, c),
    f32n: (a, b, c) => f32x4.relaxedNmadd(a, b, c),
    f64: (a, b, c) => f64x2.relaxedMadd(a, b, c),
    f64n: (a, b, c) => f64x2.relaxedNmadd(a, b, c),
  })
  const numbers = fc.array(fc.float({ min: -1000, max: 1000, noNaN: true }), { minLength: 4, maxLength: 4 })
  fc.assert(
    fc.property(numbers, numbers, numbers, (a, b, c) => {
      for (const [name, sign] of [
        ['f32', 1],
        ['f32n', -1],
      ] as const) {
        run(name, ...[a, b, c].map((x) => new Uint8Array(new Float32Array(x).buffer)))
        const lanes = lanesOf('f32', result())
        expect(
          lanes.every((x, i) =>
            [fround(sign * a[i] * b[i] + c[i]), fround(fround(sign * a[i] * b[i]) + c[i])].includes(Number(x)),
          ),
        ).toBe(true)
      }
      for (const [name, sign] of [
        ['f64', 1],
        ['f64n', -1],
      ] as const) {
        run(name, ...[a, b, c].map((x) => new Uint8Array(new Float64Array(x.slice(0, 2)).buffer)))
        // Products of floats are exact in float64.
        expect(lanesOf('f64', result())).toEqual([0, 1].map((i) => sign * a[i] * b[i] + c[i]))
      }
    }),
  )
})
