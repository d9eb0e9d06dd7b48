import {
  type Expr,
  f32x4,
  f64x2,
  type Func,
  type FunctionBuilder,
  i32x4,
  i64x2,
  type Local,
  type ModuleBuilder,
  v128,
} from '../assembler/index.ts'

export type Vector = Expr<'v128'>
export type Lanes = Local<'v128'>

/** A vector, or a number for all its lanes. */
export type Operand = Vector | number

/** Writes the code of a function of vectors into `s.f`; what is returned is used once. */
export type Writer = (s: Site, ...x: Lanes[]) => Vector

/** A function in both float types. */
export interface Row {
  readonly f32x4: Writer
  readonly f64x2: Writer
}

type Ops = typeof f32x4 | typeof f64x2

/** The arithmetic of float lanes, where a number may stand for a vector of it. */
function arithmetic(ops: Ops, signBit: Vector) {
  const vector = (x: Operand): Vector => (typeof x === 'number' ? ops.const(x) : x)
  const two =
    (op: (a: Vector, b: Vector) => Vector) =>
    (a: Operand, b: Operand): Vector =>
      op(vector(a), vector(b))
  const names = ['add', 'sub', 'mul', 'div', 'min', 'max', 'pmin', 'pmax', 'eq', 'ne', 'lt', 'le', 'gt', 'ge'] as const
  const binary = Object.fromEntries(names.map((name) => [name, two(ops[name])]))
  const { sqrt, abs, neg, floor, ceil, trunc, nearest } = ops
  return {
    ...(binary as Record<(typeof names)[number], ReturnType<typeof two>>),
    vector,
    sqrt,
    abs,
    neg,
    floor,
    ceil,
    trunc,
    nearest,
    /** `mask ? yes : no`, lane by lane. */
    select: (mask: Vector, yes: Operand, no: Operand): Vector => v128.bitselect(vector(yes), vector(no), mask),
    signOf: (x: Vector): Vector => v128.and(x, signBit),
    /** `x` with the other sign where `sign` has its sign bit, and no other bit, set. */
    flip: (x: Operand, sign: Vector): Vector => v128.xor(vector(x), sign),
  }
}

export const single = arithmetic(f32x4, i32x4.const(-0x80000000))
export const double = arithmetic(f64x2, i64x2.const(-0x8000000000000000n))

export type Arithmetic = typeof single

/** Functions that the code of a module calls, by name. */
const calledBy = new WeakMap<ModuleBuilder, Map<string, Func<Record<string, 'v128'>, 'v128'>>>()

/** A place where mathematics is written: in `f`, a function of `module`. */
export class Site {
  readonly f: FunctionBuilder
  readonly module: ModuleBuilder

  constructor(f: FunctionBuilder, module: ModuleBuilder) {
    this.f = f
    this.module = module
  }

  let(value: Vector): Lanes {
    return this.f.let(value)
  }

  /** Calls what `write` writes, a function of its own that the module has once: for code that is long or seldom run. */
  call(name: string, write: Writer, ...args: Vector[]): Vector {
    let functions = calledBy.get(this.module)
    if (!functions) calledBy.set(this.module, (functions = new Map()))
    let callee = functions.get(name)
    if (!callee) {
      const params = Object.fromEntries(args.map((_, i) => [`x${i}`, 'v128' as const]))
      callee = this.module.func(name, { params, result: 'v128' }, (f, p) => {
        f.return(write(new Site(f, this.module), ...args.map((_, i) => p[`x${i}`])))
      })
      functions.set(name, callee)
    }
    return callee.call(Object.fromEntries(args.map((arg, i) => [`x${i}`, arg])))
  }

  /** `y`, and what `careful` gives in the lanes that `usual` does not hold for: a branch that is seldom taken. */
  unless(usual: Vector, y: Vector, careful: () => Vector): Lanes {
    const result = this.let(y)
    const mask = this.let(usual)
    this.f.if(v128.anyTrue(v128.not(mask)), () => this.f.set(result, v128.bitselect(result, careful(), mask)))
    return result
  }
}

/** Σ c[i]·xⁱ, in the order of Estrin: halves of the sum side by side, for the processor to overlap. */
export function polynomial(s: Site, { add, mul, vector }: Arithmetic, x: Vector, c: readonly number[]): Vector {
  const powers = [x]
  const power = (log2: number): Vector => {
    for (let i = powers.length; i <= log2; i++) powers.push(s.let(mul(powers[i - 1], powers[i - 1])))
    return powers[log2]
  }
  const sum = (from: number, to: number): Vector => {
    if (to - from === 1) return vector(c[from])
    const log2 = 31 - Math.clz32(to - from - 1)
    const middle = from + (1 << log2)
    return add(mul(sum(middle, to), power(log2)), sum(from, middle))
  }
  return sum(0, c.length)
}

/** What `write` gives, and x itself where |x| < `limit`: for functions that are x + O(x²), or x + O(x³), there. */
export function small({ select, lt, abs }: Arithmetic, limit: number, write: Writer): Writer {
  return (s, x) => {
    const y = s.let(write(s, x))
    return select(lt(abs(x), limit), x, y)
  }
}

/** A function of float32 lanes by way of float64 ones, rounded once at the end. */
export const viaDouble =
  (write: Writer): Writer =>
  (s, ...x) => {
    const half = (part: (x: Lanes) => Vector): Lanes => s.let(f32x4.demoteF64x2Zero(write(s, ...x.map((x) => s.let(part(x))))))
    const low = half((x) => f64x2.promoteLowF32x4(x))
    const high = half((x) => f64x2.promoteLowF32x4(i64x2.shuffle(x, x, 1, 1)))
    return i64x2.shuffle(low, high, 0, 2)
  }
