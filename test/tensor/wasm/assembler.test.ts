import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { Bytes } from '../../../packages/tensor/src/backends/wasm/assembler/bytes.ts'
import {
  type Expr,
  f32,
  f32x4,
  f64,
  type FunctionBuilder,
  i32,
  i64,
  type Local,
  memory,
  ModuleBuilder,
  type Type,
  v128,
} from '../../../packages/tensor/src/backends/wasm/assembler/index.ts'
import { BackendError } from '../../../packages/tensor/src/errors.ts'

type Numeric = (...args: number[]) => number

/** A function of i32 parameters that JavaScript can call. */
function compile(
  count: number,
  write: (f: FunctionBuilder & { return(value: Expr<'i32'>): void }, ...params: Local<'i32'>[]) => void,
): Numeric {
  const module = new ModuleBuilder()
  const params: Record<string, 'i32'> = Object.fromEntries(Array.from({ length: count }, (_, i) => [`p${i}`, 'i32']))
  module.export(module.func('run', { params, result: 'i32' }, (f, p) => write(f, ...Object.values(p))))
  return new WebAssembly.Instance(module.compile()).exports.run as Numeric
}

describe('bytes', () => {
  const decode = (bytes: Uint8Array, signed: boolean): bigint => {
    const bits = 7 * bytes.length
    const value = bytes.reduce((sum, byte, i) => sum | (BigInt(byte & 0x7f) << BigInt(7 * i)), 0n)
    return signed ? BigInt.asIntN(bits, value) : value
  }
  const written = (write: (bytes: Bytes) => void): Uint8Array => {
    const bytes = new Bytes()
    write(bytes)
    return bytes.toArray()
  }

  test('LEB128 of every kind comes back, as short as can be', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 2 ** 32 - 1 }), (x) => {
        const bytes = written((out) => out.unsigned(x))
        expect(decode(bytes, false)).toBe(BigInt(x))
        expect(bytes).toHaveLength(Math.max(1, Math.ceil(Math.log2(x + 1) / 7)))
      }),
    )
    fc.assert(
      fc.property(fc.integer(), (x) => {
        expect(
          decode(
            written((out) => out.signed(x)),
            true,
          ),
        ).toBe(BigInt(x))
      }),
    )
    fc.assert(
      fc.property(fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }), (x) => {
        expect(
          decode(
            written((out) => out.signed64(x)),
            true,
          ),
        ).toBe(x)
      }),
    )
  })

  test.each([
    [0, [0]],
    [63, [0x3f]],
    [64, [0xc0, 0]],
    [-64, [0x40]],
    [-65, [0xbf, 0x7f]],
    [2 ** 31 - 1, [0xff, 0xff, 0xff, 0xff, 7]],
    [-(2 ** 31), [0x80, 0x80, 0x80, 0x80, 0x78]],
    [2 ** 32 - 1, [0x7f]],
  ])('signed LEB128 of %i', (x, bytes) => {
    expect(written((out) => out.signed(x))).toEqual(new Uint8Array(bytes))
  })
})

describe('control flow', () => {
  test('for counts up, signed, and looks at its end once', () => {
    const sum = compile(3, (f, from, to, step) => {
      const total = f.let(i32.const(0))
      f.for(from, to, step, (i) => {
        f.set(total, i32.add(total, i))
        f.set(to, 0)
        f.set(step, 0)
      })
      f.return(total)
    })
    fc.assert(
      fc.property(
        fc.integer({ min: -50, max: 50 }),
        fc.integer({ min: -50, max: 50 }),
        fc.integer({ min: 1, max: 7 }),
        (a, b, step) => {
          let total = 0
          for (let i = a; i < b; i += step) total += i
          expect(sum(a, b, step)).toBe(total)
        },
      ),
    )
  })

  test('repeat runs a number of times, none too', () => {
    const times = compile(1, (f, count) => {
      const total = f.let(i32.const(0))
      f.repeat(count, () => f.set(total, i32.add(total, 1)))
      f.return(total)
    })
    expect([0, 1, 2, 1000].map((x) => times(x))).toEqual([0, 1, 2, 1000])
  })

  test('while and doWhile', () => {
    // Collatz: steps down to 1.
    const steps = compile(1, (f, n) => {
      const count = f.let(i32.const(0))
      f.while(i32.ne(n, 1), () => {
        f.if(
          i32.and(n, 1),
          () => f.set(n, i32.add(i32.mul(n, 3), 1)),
          () => f.set(n, i32.shrU(n, 1)),
        )
        f.set(count, i32.add(count, 1))
      })
      f.return(count)
    })
    expect([1, 2, 27].map((x) => steps(x))).toEqual([0, 1, 111])
    const digits = compile(1, (f, n) => {
      const count = f.let(i32.const(0))
      f.doWhile(
        () => {
          f.set(n, i32.divU(n, 10))
          f.set(count, i32.add(count, 1))
        },
        () => i32.ne(n, 0),
      )
      f.return(count)
    })
    expect([0, 9, 10, 123456].map((x) => digits(x))).toEqual([1, 1, 2, 6])
  })

  test('branches leave the block and repeat the loop that they name', () => {
    // The first pair of factors of n, by trial.
    const factor = compile(1, (f, n) => {
      const found = f.let(i32.const(0))
      f.block((exit) => {
        f.for(2, n, 1, (i) => {
          f.for(i, n, 1, (j) => {
            f.if(i32.eq(i32.mul(i, j), n), () => {
              f.set(found, i32.add(i32.mul(i, 1000), j))
              f.branch(exit)
            })
          })
        })
        f.set(found, -1)
      })
      f.return(found)
    })
    expect([12, 35, 13].map((x) => factor(x))).toEqual([2006, 5007, -1])
    const skip = compile(1, (f, n) => {
      const odd = f.let(i32.const(0))
      f.loop((again) => {
        f.set(n, i32.sub(n, 1))
        f.branchIf(again, i32.and(i32.gtS(n, 0), i32.eqz(i32.and(n, 1))))
        f.set(odd, i32.add(odd, n))
        f.branchIf(again, i32.gtS(n, 0))
      })
      f.return(odd)
    })
    expect(skip(10)).toBe(9 + 7 + 5 + 3 + 1)
  })

  test('a function whose end is reached without its result traps', () => {
    const run = compile(1, (f, x) => f.if(x, () => f.return(i32.const(1))))
    expect(run(1)).toBe(1)
    expect(() => run(0)).toThrow(WebAssembly.RuntimeError)
  })

  test('least, select and dropped results', () => {
    const run = compile(2, (f, a, b) => {
      const c = f.local('i32')
      f.set(c, i32.add(a, b))
      f.do(i32.popcnt(a))
      f.return(i32.add(f.least(a, b), i32.mul(c, 1000)))
    })
    expect(run(3, 5)).toBe(8003)
    expect(run(5, 3)).toBe(8003)
    expect(run(-1, 3)).toBe(2003)
  })
})

describe('locals', () => {
  test('a scope gives its locals back', () => {
    const module = new ModuleBuilder()
    module.func('run', { params: {} }, (f) => {
      const indices = new Set<number>()
      for (let i = 0; i < 1000; i++) {
        f.scope(() => {
          const x = f.let(f32x4.const(i))
          const y = f.let(i32.const(i))
          f.if(y, () => indices.add(f.let(i32.const(1)).index))
          indices.add(x.index).add(y.index)
        })
      }
      expect(indices).toEqual(new Set([0, 1, 2]))
    })
    expect(module.toBytes().length).toBeGreaterThan(1000)
    expect(WebAssembly.validate(module.toBytes())).toBe(true)
  })

  test('hundreds of locals of mixed types', () => {
    const run = compile(1, (f, x) => {
      const integers = Array.from({ length: 300 }, (_, i) => {
        f.let(f64.const(i))
        f.let(v128.not(f32x4.const(i)))
        return f.let(i32.add(x, i))
      })
      f.return(integers.reduce<Expr<'i32'>>((sum, local) => i32.add(sum, local), i32.const(0)))
    })
    expect(run(2)).toBe(600 + (299 * 300) / 2)
  })

  test('a local outside of its scope or its function is refused', () => {
    const module = new ModuleBuilder()
    let stray: Local<'i32'> | undefined
    module.func('f', { params: {} }, (f) => {
      let inner: Local<'i32'> | undefined
      f.scope(() => (inner = f.let(i32.const(1))))
      expect(() => f.let(i32.add(inner!, 1))).toThrow(/after the end of its scope/)
      expect(() => f.set(inner!, 1)).toThrow(/after the end of its scope/)
      stray = f.let(i32.const(2))
    })
    module.func('g', { params: {} }, (f) => {
      expect(() => f.do(i32.store(0, stray!))).toThrow(/used in another function/)
    })
  })
})

describe('types', () => {
  test('a wrong operand is a compile error, and an error at run time', () => {
    const module = new ModuleBuilder()
    const callee = module.func('callee', { params: { x: 'f64' }, result: 'i64' }, (f, { x }) => f.return(i64.truncSatF64S(x)))
    module.func('f', { params: { x: 'i32', y: 'f32' }, result: 'f32' }, (f, { x, y }) => {
      // @ts-expect-error two types
      expect(() => i32.add(x, y)).toThrow(BackendError)
      // @ts-expect-error a vector has no number
      expect(() => f32x4.add(f32x4.const(1), 1)).toThrow(BackendError)
      // @ts-expect-error a bigint is an i64
      expect(() => f.set(x, 1n)).toThrow(BackendError)
      // @ts-expect-error the result is an f32
      expect(() => f.return(x)).toThrow(BackendError)
      // @ts-expect-error a parameter of another type
      expect(() => callee.call({ x: y })).toThrow(BackendError)
      // @ts-expect-error a parameter is missing
      expect(() => callee.call({})).toThrow(BackendError)
      const wide: Expr<'i64'> = callee.call({ x: 1.5 })
      f.do(wide, i64.store(0, wide))
      f.return(f32.add(y, 1))
    })
  })

  test.each([1.5, 2 ** 32, -(2 ** 31) - 1, NaN])('%d is no i32', (value) => {
    expect(() => i32.const(value)).toThrow(/is no i32/)
  })
})

describe('modules', () => {
  test('functions call each other and JavaScript', () => {
    const module = new ModuleBuilder()
    const log = module.import('host', 'log', { params: { x: 'i32', y: 'f64' } })
    const add = module.import('host', 'add', { params: { x: 'i32', y: 'i32' }, result: 'i32' })
    const square = module.func('square', { params: { x: 'i32' }, result: 'i32' }, (f, { x }) => f.return(i32.mul(x, x)))
    const run = module.func('run', { params: { x: 'i32' }, result: 'i32' }, (f, { x }) => {
      f.do(log.call({ x, y: f64.convertI32S(square.call({ x })) }))
      f.return(add.call({ x: square.call({ x }), y: 1 }))
    })
    module.export(run, square)
    const seen: number[][] = []
    const host = { log: (...args: number[]) => void seen.push(args), add: (x: number, y: number) => x + y }
    const { exports } = new WebAssembly.Instance(module.compile(), { host })
    expect((exports.run as Numeric)(7)).toBe(50)
    expect((exports.square as Numeric)(9)).toBe(81)
    expect(seen).toEqual([[7, 49]])
    expect(() => module.import('host', 'late', { params: {} })).toThrow(/before the functions/)
  })

  test('more than 64 KiB of code and thousands of functions', () => {
    const module = new ModuleBuilder({ memory: {} })
    const functions = Array.from({ length: 3000 }, (_, i) =>
      module.func(`f${i}`, { params: { x: 'i32' }, result: 'i32' }, (f, { x }) => {
        for (let j = 0; j < 5; j++) f.set(x, i32.add(x, i))
        f.return(x)
      }),
    )
    const long = module.func('long', { params: { x: 'i32' }, result: 'i32' }, (f, { x }) => {
      for (let i = 0; i < 20_000; i++) f.set(x, i32.add(x, i))
      f.return(functions[2999].call({ x }))
    })
    module.export(long, functions[200])
    expect(module.toBytes().length).toBeGreaterThan(200_000)
    const { exports } = new WebAssembly.Instance(module.compile(), { env: { memory: new WebAssembly.Memory({ initial: 0 }) } })
    expect((exports.long as Numeric)(1)).toBe(1 + (19_999 * 20_000) / 2 + 5 * 2999)
    expect((exports.f200 as Numeric)(1)).toBe(1001)
  })

  test('the same module is the same bytes', () => {
    const build = (): Uint8Array => {
      const module = new ModuleBuilder({ memory: { shared: true } })
      const add = module.func('add', { params: { a: 'f32', b: 'f32' }, result: 'f32' }, (f, { a, b }) => f.return(f32.add(a, b)))
      module.export(add)
      return module.toBytes()
    }
    expect(build()).toEqual(build())
  })
})

describe('memory', () => {
  const heap = new WebAssembly.Memory({ initial: 1, maximum: 2 })
  const run = (write: (f: FunctionBuilder) => void, shared?: WebAssembly.Memory): void => {
    const module = new ModuleBuilder({ memory: { shared: shared !== undefined } })
    module.export(module.func('run', { params: {} }, write))
    const { exports } = new WebAssembly.Instance(module.compile(), { env: { memory: shared ?? heap } })
    ;(exports.run as () => void)()
  }
  const bytes = (from: number, to: number): number[] => [...new Uint8Array(heap.buffer, from, to - from)]

  test('loads and stores of every width, with offset and alignment', () => {
    const view = new DataView(heap.buffer)
    view.setBigUint64(0, 0xf7f6f5f4f3f2f1f0n, true)
    const loads: [Expr<Type>, number | bigint][] = [
      [i32.load8S(0), 0xf0 - 256],
      [i32.load8U(0), 0xf0],
      [i32.load16S(0), 0xf1f0 - 65536],
      [i32.load16U(0, 2), 0xf3f2],
      [i32.load(1, 1, 1), 0xf5f4f3f2 | 0],
      [i64.load32S(0), 0xf3f2f1f0n - 2n ** 32n],
      [i64.load32U(0), 0xf3f2f1f0n],
      [i64.load(0), 0xf7f6f5f4f3f2f1f0n - 2n ** 64n],
    ]
    run((f) => {
      loads.forEach(([load], i) =>
        f.do(i64.store(64, load.type === 'i64' ? (load as Expr<'i64'>) : i64.extendI32S(load as Expr<'i32'>), 8 * i)),
      )
    })
    expect(loads.map((_, i) => view.getBigInt64(64 + 8 * i, true))).toEqual(loads.map(([, value]) => BigInt(value)))
    new Uint8Array(heap.buffer).fill(0)
    run((f) => {
      f.do(i32.store8(0, 0x1234), i32.store16(2, 0x1234567), i32.store(4, 0x12345678), i64.store32(8, 0x123456789an))
      f.do(f32.store(12, 1.5), f64.store(17, -2.5, 0, 1))
      f.do(f32.store(32, f32.load(12)), f64.store(40, f64.load(17, 0, 1)))
    })
    expect(bytes(0, 12)).toEqual([0x34, 0, 0x67, 0x45, 0x78, 0x56, 0x34, 0x12, 0x9a, 0x78, 0x56, 0x34])
    expect([view.getFloat32(12, true), view.getFloat64(17, true)]).toEqual([1.5, -2.5])
    expect([view.getFloat32(32, true), view.getFloat64(40, true)]).toEqual([1.5, -2.5])
  })

  test('copy, fill, size and grow', () => {
    run((f) => {
      f.do(memory.fill(0, 0, 100), memory.fill(3, 0xabc, 2), memory.copy(10, 2, 4), memory.copy(11, 10, 4))
      f.do(
        i32.store(20, memory.size()),
        i32.store(24, memory.grow(1)),
        i32.store(28, memory.size()),
        i32.store(32, memory.grow(9)),
      )
    })
    expect(bytes(0, 17)).toEqual([0, 0, 0, 0xbc, 0xbc, 0, 0, 0, 0, 0, 0, 0, 0xbc, 0xbc, 0, 0, 0])
    expect([...new Int32Array(heap.buffer, 20, 4)]).toEqual([1, 1, 2, -1])
  })

  test('addresses above 2 GiB', () => {
    expect(() => run((f) => f.do(i32.store(0xfffffff0, 1)))).toThrow(WebAssembly.RuntimeError)
    expect(() => run((f) => f.do(i32.store(0, 1, 0xfffffff0)))).toThrow(WebAssembly.RuntimeError)
  })

  test('atomics read, change and write in one step', () => {
    const shared = new WebAssembly.Memory({ initial: 1, maximum: 1, shared: true })
    const cells = new Int32Array(shared.buffer)
    const wide = new BigInt64Array(shared.buffer)
    cells.set([10, 10, 0b1100, 0b1100, 0b1100, 7, 8, 9])
    run((f) => {
      const before = [
        i32.atomicRmwAdd(0, 5),
        i32.atomicRmwSub(4, 3),
        i32.atomicRmwAnd(8, 0b1010),
        i32.atomicRmwOr(12, 0b1010),
        i32.atomicRmwXor(16, 0b1010),
        i32.atomicRmwXchg(20, 70),
        i32.atomicRmwCmpxchg(24, 8, 80),
        i32.atomicRmwCmpxchg(28, 8, 80),
        i32.atomicLoad(0),
        i32.atomicLoad8U(0),
        i32.atomicLoad16U(0),
        memory.atomicNotify(0, 1),
        memory.atomicWait32(0, 99, -1n),
      ]
      before.forEach((value, i) => f.do(i32.store(128, value, 4 * i)))
      f.do(i32.atomicStore(64, 1), i32.atomicStore8(68, 0x1ff), i32.atomicStore16(72, 0x1ffff), memory.atomicFence())
      f.do(i64.atomicStore(256, 40n), i64.store(264, i64.atomicRmwAdd(256, 2n)), i64.store(272, i64.atomicLoad(256)))
      f.do(
        i64.store(280, i64.atomicRmwSub(256, 1n)),
        i64.store(288, i64.atomicRmwXchg(256, 5n)),
        i64.store(296, i64.atomicRmwCmpxchg(256, 5n, 6n)),
      )
    }, shared)
    expect([...cells.subarray(0, 8)]).toEqual([15, 7, 0b1000, 0b1110, 0b0110, 70, 80, 9])
    expect([...cells.subarray(32, 45)]).toEqual([10, 10, 0b1100, 0b1100, 0b1100, 7, 8, 9, 15, 15, 15, 0, 1])
    expect([...cells.subarray(16, 19)]).toEqual([1, 0xff, 0xffff])
    expect([...wide.subarray(32, 38)]).toEqual([6n, 40n, 42n, 42n, 41n, 5n])
  })
})
