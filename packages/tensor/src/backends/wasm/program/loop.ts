import type { Loop, LoopType } from '../../../compile/fuse.ts'
import { collapse } from '../../../layout.ts'
import type { DType } from '../../../dtype.ts'
import { bytesPerElement } from '../../../dtype.ts'
import { sizeOf } from '../../../shape.ts'
import type { Tensor } from '../../../tensor.ts'
import { type Expr, f32x4, f64x2, i16x8, i32, i32x4, i64x2, i8x16, type Local, v128 } from '../assembler/index.ts'
import { prepareWasm, type LaneType, type RenderTarget } from '../render.ts'
import type { Storage } from './storage.ts'

type Vector = Expr<'v128'>

export const laneTypeOf: Readonly<Record<LoopType, LaneType>> = { float32: 'f32x4', float64: 'f64x2', int32: 'i32x4' }

const lanesOf = { f32x4: 4, f64x2: 2, i32x4: 4 } as const

/** An address: a constant that stands in the instruction, and a variable part. */
export interface Place {
  readonly at: Expr<'i32'> | number
  readonly offset: number
}

/** Consecutive elements of a dtype as lanes of a type; lanes after the end hold anything. */
export function loadLanes(type: LaneType, dtype: DType, { at, offset }: Place): Vector {
  const load = (step = 0): Vector => v128.load(at, offset + step, 1)
  const bytes = (): Vector => i32x4.extendLowI16x8U(i16x8.extendLowI8x16U(v128.load32Zero(at, offset, 1)))
  if (type === 'i32x4') return dtype === 'int32' ? load() : bytes()
  if (type === 'f32x4') {
    if (dtype === 'float32') return load()
    if (dtype === 'float64') return f32x4.shuffle(f32x4.demoteF64x2Zero(load()), f32x4.demoteF64x2Zero(load(16)), 0, 1, 4, 5)
    return f32x4.convertI32x4S(dtype === 'int32' ? load() : bytes())
  }
  if (dtype === 'float64') return load()
  if (dtype === 'float32') return f64x2.promoteLowF32x4(v128.load64Zero(at, offset, 1))
  return f64x2.convertLowI32x4S(dtype === 'int32' ? v128.load64Zero(at, offset, 1) : bytes())
}

/** One element of a dtype in lane 0. */
export function loadOne(type: LaneType, dtype: DType, { at, offset }: Place): Vector {
  if (dtype === 'float64') {
    const one = v128.load64Zero(at, offset, 1)
    return type === 'f32x4' ? f32x4.demoteF64x2Zero(one) : one
  }
  const one = dtype === 'bool' || dtype === 'uint8' ? i32x4.splat(i32.load8U(at, offset)) : v128.load32Zero(at, offset, 1)
  if (type === 'i32x4') return one
  if (dtype === 'float32') return type === 'f32x4' ? one : f64x2.promoteLowF32x4(one)
  return type === 'f32x4' ? f32x4.convertI32x4S(one) : f64x2.convertLowI32x4S(one)
}

/** Lane 0 in all lanes. */
export const splatFirst = (type: LaneType, x: Vector): Vector =>
  type === 'f64x2' ? i64x2.shuffle(x, x, 0, 0) : i32x4.shuffle(x, x, 0, 0, 0, 0)

/** The lanes as elements of a dtype, from lane 0. */
function packed(type: LaneType, dtype: DType, x: Local<'v128'>): Vector {
  if (dtype === 'float32') return type === 'f64x2' ? f32x4.demoteF64x2Zero(x) : x
  if (dtype === 'float64' || dtype === 'int32') return x
  const integers = type === 'i32x4' ? x : type === 'f32x4' ? i32x4.truncSatF32x4S(x) : i32x4.truncSatF64x2SZero(x)
  const halves = i16x8.narrowI32x4S(integers, integers)
  return i8x16.narrowI16x8U(halves, halves)
}

/** Stores the first `count` lanes as elements of a dtype; with `spare`, it may write lanes after them too. */
export function storeLanes(
  { f }: RenderTarget,
  type: LaneType,
  dtype: DType,
  { at, offset }: Place,
  x: Local<'v128'>,
  count: number,
  spare: boolean,
): void {
  const width = bytesPerElement(dtype)
  const lanes = lanesOf[type]
  const value = f.let(packed(type, dtype, x))
  const whole = spare || count === lanes
  if (whole && width * lanes === 16) return f.do(v128.store(at, value, offset, 1))
  if (whole && width * lanes === 8) return f.do(v128.store64Lane(at, value, 0, offset, 1))
  if (whole && width * lanes === 4) return f.do(v128.store32Lane(at, value, 0, offset, 1))
  if (whole && width * lanes === 2) return f.do(v128.store16Lane(at, value, 0, offset, 1))
  const one = { 1: v128.store8Lane, 4: v128.store32Lane, 8: v128.store64Lane }[width as 1 | 4 | 8]
  for (let lane = 0; lane < count; lane++) f.do(one(at, value, lane, offset + lane * width, 1))
}

/** An operand of a loop as it is walked: its address and, for each axis of the collapsed shape, bytes to the next element. */
interface Walked {
  readonly dtype: DType
  /** The constant part of its address; all of it is variable where steps go backwards, since an address may not be negative. */
  readonly address: number
  readonly start: number
  /** Bytes that are added in this turn of a loop of the program. */
  readonly shift: Local<'i32'> | undefined
  readonly steps: readonly number[]
  readonly scalar: boolean
}

/**
 * Writes a loop in the place where `target.f` stands: the innermost axis in vectors, the others around it. With `range`, only
 * the part from `range.begin` to `range.end` of the outermost axis (or, of one axis, of its vectors).
 */
export function writeLoop(target: RenderTarget, loop: Loop, storage: Storage, range?: LoopRange): void {
  const { f } = target
  const type = laneTypeOf[loop.type]
  const lanes = lanesOf[type]
  const operands = operandsOf(loop)
  const { shape, strides } = walkOf(loop)
  const rank = shape.length
  const length = shape[rank - 1]
  const walk = (x: Tensor, i: number): Walked => {
    const width = bytesPerElement(x.dtype)
    const address = storage.address(x)
    const backwards = strides[i].some((stride) => stride < 0)
    return {
      dtype: x.dtype,
      address: backwards ? 0 : address,
      start: backwards ? address : 0,
      shift: storage.shift?.(x),
      steps: strides[i].map((stride) => stride * width),
      scalar: strides[i].every((stride, axis) => stride === 0 || shape[axis] === 1),
    }
  }
  const walked = operands.map(walk)
  const inputs = walked.slice(0, loop.inputs.length)
  const outputs = walked.slice(loop.inputs.length)
  const scalars = inputs.map(({ scalar, dtype, address, start, shift }) =>
    scalar ? f.let(splatFirst(type, f.let(loadOne(type, dtype, { at: shift ?? 0, offset: address + start })))) : undefined,
  )
  const compute = prepareWasm(target, loop.kernel, type, { scalars })

  /** Writes `count` elements at element `index` of the innermost axis, `rows` being how far the axes around it have come. */
  const write = (rows: readonly (Expr<'i32'> | undefined)[], index: Expr<'i32'> | number, count: number): void => {
    const place = (i: number): Place => {
      const { dtype, address, steps } = walked[i]
      const width = bytesPerElement(dtype)
      const [row, step] = [rows[i], steps[rank - 1]]
      const inner = typeof index === 'number' ? index * step : undefined
      if (inner !== undefined && inner + address >= 0) return { at: row ?? 0, offset: address + inner }
      const moved = inner ?? (step === width && width === 1 ? index : i32.mul(index, step))
      return { at: row ? i32.add(row, moved) : typeof moved === 'number' ? moved : moved, offset: address }
    }
    const args = inputs.map((x, i) => {
      if (x.scalar) return undefined
      const step = x.steps[rank - 1]
      if (step === bytesPerElement(x.dtype)) return f.let(loadLanes(type, x.dtype, place(i)))
      const { at, offset } = place(i)
      const base = f.let(typeof at === 'number' ? i32.const(at) : at)
      if (step === 0) return f.let(splatFirst(type, f.let(loadOne(type, x.dtype, { at: base, offset }))))
      return gatherLanes(target, type, x.dtype, base, offset, step, count)
    })
    const results = compute(args)
    loop.outputs.forEach(({ result }, k) => {
      const { dtype, steps } = outputs[k]
      const at = place(inputs.length + k)
      if (steps[rank - 1] === bytesPerElement(dtype) || count === 1) {
        const spare = rank === 1 ? storage.mayOverrun(loop.outputs[k].x, true) : !range && storage.mayOverrun(loop.outputs[k].x)
        storeLanes(target, type, dtype, at, results[result], count, spare)
        return
      }
      const base = f.let(typeof at.at === 'number' ? i32.const(at.at) : at.at)
      for (let lane = 0; lane < count; lane++) {
        const one = f.let(laneFirst(type, results[result], lane))
        // Added to the address, and not to the constant beside it: steps may go backwards.
        const lanePlace = { at: i32.add(base, lane * steps[rank - 1]), offset: at.offset }
        storeLanes(target, type, dtype, lanePlace, one, 1, false)
      }
    })
  }

  const padded = isPadded(loop, storage)
  const whole = padded ? vectorsOf(loop) : Math.floor(length / lanes)
  const rest = padded ? 0 : length % lanes
  const unrolled = whole <= (rank > 1 ? 2 : 1)
  const line = (rows: readonly (Expr<'i32'> | undefined)[]): void => {
    if (unrolled) for (let i = 0; i < whole; i++) f.scope(() => write(rows, i * lanes, lanes))
    else if (whole > 0) f.for(0, whole * lanes, lanes, (index) => write(rows, index, lanes))
    if (rest > 0) f.scope(() => write(rows, whole * lanes, rest))
  }

  // Operands that move alike share what counts how far they have come.
  const leader = walked.map((x, i) => walked.findIndex((y, j) => j <= i && sameMoves(x, y, rank - 1)))
  const around = (axis: number, rows: readonly (Expr<'i32'> | undefined)[]): void => {
    if (axis === rank - 1) return line(rows)
    const [start, end] = axis === 0 && range ? [range.begin, range.end] : [0, shape[axis]]
    const locals = walked.map(({ steps }, i) => {
      if (leader[i] !== i || steps[axis] === 0) return undefined
      const from = rows[i] ?? i32.const(0)
      return f.let(axis === 0 && range ? i32.add(from, i32.mul(range.begin, steps[0])) : from)
    })
    const inside = leader.map((first) => locals[first] ?? rows[first])
    f.for(start, end, 1, () => {
      around(axis + 1, inside)
      locals.forEach((local, i) => local && f.set(local, i32.add(local, walked[i].steps[axis])))
    })
  }
  const rows = walked.map(({ start, shift }) => {
    if (start === 0) return shift
    return shift ? i32.add(shift, start) : i32.const(start)
  })
  if (rank === 1 && range) {
    const { begin, end } = range
    f.for(i32.mul(begin, lanes), i32.mul(rest > 0 ? f.least(end, whole) : end, lanes), lanes, (index) =>
      write(rows, index, lanes),
    )
    if (rest > 0) f.if(i32.gtU(end, whole), () => write(rows, whole * lanes, rest))
  } else around(0, rows)
}

/** What a loop reads, then what it writes. */
const operandsOf = (loop: Loop): Tensor[] => [...loop.inputs, ...loop.outputs.map(({ x }) => x)]

/** The axes that a loop is written with, one at least, and the strides of the operands along them. */
function walkOf(loop: Loop): { shape: number[]; strides: number[][] } {
  const walk = collapse(
    loop.shape,
    operandsOf(loop).map((x) => x.layout.strides),
  )
  if (walk.shape.length === 0) {
    walk.shape.push(1)
    for (const steps of walk.strides) steps.push(1)
  }
  return walk
}

/** Whether a loop is one line of whole vectors, for the last one may be read and written beyond the end. */
export const isPadded = ({ flat, outputs }: Loop, storage: Storage): boolean =>
  flat && outputs.every(({ x }) => storage.mayOverrun(x, true))

/** Vectors of a loop of one axis, the last of which may not be whole. */
export const vectorsOf = (loop: Loop): number => Math.ceil(sizeOf(loop.shape) / lanesOf[laneTypeOf[loop.type]])

function sameMoves(a: Walked, b: Walked, axes: number): boolean {
  for (let axis = 0; axis < axes; axis++) if (a.steps[axis] !== b.steps[axis]) return false
  return a.start === b.start && a.shift === b.shift
}

/** Tasks of a loop that threads share. */
export interface LoopRange {
  readonly begin: Expr<'i32'>
  readonly end: Expr<'i32'>
}

/** How many tasks a loop falls into for {@link writeLoop}'s range. */
export function tasksOf(loop: Loop): number {
  const { shape } = walkOf(loop)
  return shape.length === 1 ? vectorsOf(loop) : shape[0]
}

/** Lane `lane` moved to the front. */
const laneFirst = (type: LaneType, x: Local<'v128'>, lane: number): Vector =>
  type === 'f64x2' ? i64x2.shuffle(x, x, lane, lane) : i32x4.shuffle(x, x, lane, lane, lane, lane)

/** `count` elements, `step` bytes apart, in the first lanes. */
function gatherLanes(
  { f }: RenderTarget,
  type: LaneType,
  dtype: DType,
  at: Local<'i32'>,
  offset: number,
  step: number,
  count: number,
): Local<'v128'> {
  const address = f.let(at)
  const one = (): Vector => loadOne(type, dtype, { at: address, offset })
  const vector = f.let(one())
  for (let lane = 1; lane < count; lane++) {
    f.set(address, i32.add(address, step))
    const next = f.let(one())
    const pick = Array.from({ length: lanesOf[type] }, (_, i) => (i === lane ? lanesOf[type] : i))
    f.set(vector, (type === 'f64x2' ? i64x2 : i32x4).shuffle(vector, next, ...pick))
  }
  return vector
}
