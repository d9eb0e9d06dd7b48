import type { Tensor } from '../../tensor.ts'
import { random as randomInJavaScript } from '../cpu/random.ts'
import { f64x2, f32x4, type Expr, type Func, i32, i32x4, integers, type Local, ModuleBuilder, v128 } from './assembler/index.ts'
import { reals } from './gemm/real.ts'
import { storeLanes } from './lanes.ts'
import { limits } from './limits.ts'
import type { Runtime } from './runtime.ts'
import { type Real, target, unstage } from './stage.ts'

type Lanes = Local<'v128'>

const params = integers('job', 'begin', 'end', 'scratch')
/** Elements of a task. */
const taskElements = 1024
/** Vectors of blocks that are computed side by side: each waits for itself in every round. */
const chains = 2

const rotations = [
  [13, 15, 26, 6],
  [17, 29, 16, 24],
] as const

const rotate = (x: Lanes, bits: number): Expr<'v128'> => v128.or(i32x4.shl(x, bits), i32x4.shrU(x, 32 - bits))

/**
 * Writes the function that fills with uniform numbers in [0, 1): element i is made of the Threefry block at counter
 * `[i, stream]`, see threefry.ts. Words of the job: address, number of elements, the two of the key, the stream.
 */
export function writeRandom(module: ModuleBuilder, type: Real): Func<typeof params, 'none'> {
  const { bytes } = reals[type]
  return module.func('random', { params }, (f, p) => {
    const [out, size, k0, k1, stream] = [0, 4, 8, 12, 16].map((offset) => f.let(i32.load(p.job, offset)))
    const splat = (value: Expr<'i32'>): Lanes => f.let(i32x4.splat(value))
    const keys = [splat(k0), splat(k1), splat(i32.xor(i32.const(0x1bd11bda), i32.xor(k0, k1)))]
    const second = splat(i32.add(stream, k1))
    const end = f.least(size, i32.mul(p.end, taskElements))
    f.for(i32.mul(p.begin, taskElements), end, chains * 4, (i) => {
      const blocks = Array.from({ length: chains }, (_, c) => {
        const counter = i32x4.add(i32x4.splat(i32.add(i, 4 * c)), i32x4.const(0, 1, 2, 3))
        return { x: f.let(i32x4.add(counter, keys[0])), y: f.let(second) }
      })
      for (let group = 0; group < 5; group++) {
        for (const bits of rotations[group % 2]) {
          for (const { x, y } of blocks) {
            f.set(x, i32x4.add(x, y))
            f.set(y, v128.xor(rotate(y, bits), x))
          }
        }
        for (const { x, y } of blocks) {
          f.set(x, i32x4.add(x, keys[(group + 1) % 3]))
          f.set(y, i32x4.add(i32x4.add(y, keys[(group + 2) % 3]), i32x4.const(group + 1)))
        }
      }
      const numbers = blocks.flatMap(({ x, y }) => (type === 'f32' ? [single(x)] : doubles(x, y))).map((number) => f.let(number))
      const to = f.let(i32.add(out, i32.mul(i, bytes)))
      const left = f.let(i32.mul(i32.sub(end, i), bytes))
      numbers.forEach((number, k) => {
        if (k > 0) {
          f.set(to, i32.add(to, 16))
          f.set(left, i32.sub(left, 16))
        }
        f.if(i32.gtS(left, 0), () => storeLanes(f, type, to, number, left))
      })
    })
  })
}

/** 24 upper bits. */
const single = (x: Lanes): Expr<'v128'> => f32x4.mul(f32x4.convertI32x4S(i32x4.shrU(x, 8)), f32x4.const(2 ** -24))

/** 53 upper bits. */
function doubles(x: Lanes, y: Lanes): Expr<'v128'>[] {
  const half = (bits: Expr<'v128'>, upper: boolean): Expr<'v128'> =>
    f64x2.convertLowI32x4U(upper ? i32x4.shuffle(bits, bits, 2, 3, 2, 3) : bits)
  return [false, true].map((upper) => {
    const high = f64x2.mul(half(i32x4.shrU(x, 5), upper), f64x2.const(2 ** 26))
    return f64x2.mul(f64x2.add(high, half(i32x4.shrU(y, 6), upper)), f64x2.const(2 ** -53))
  })
}

/** Fills `out` with the numbers of a draw. */
export function random(runtime: Runtime, key: readonly [number, number], stream: number, out: Tensor, type: Real): void {
  if (out.size < limits.random) return randomInJavaScript(key, stream, out)
  const kernel = runtime.kernel(`random/${type}`, () => {
    const module = new ModuleBuilder({ memory: { shared: runtime.shared } })
    module.export(writeRandom(module, type))
    return module.toBytes()
  })
  runtime.begin()
  const address = target(runtime, out, type)
  const job = runtime.job(20)
  runtime.i32.set([address, out.size, key[0], key[1], stream], job >> 2)
  runtime.run(kernel, job, { tasks: Math.ceil(out.size / taskElements), grain: Math.ceil(limits.grain / taskElements) })
  unstage(runtime, address, out, type)
}
