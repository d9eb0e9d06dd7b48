import { Tensor, type Backend, type TypedArray } from '@typegrad/tensor'
import { GpuBuffer } from './buffer.ts'
import type { Cell } from './cell.ts'
import type { Engine } from './engine.ts'
import { coversBuffer } from './kernels/write.ts'
import { constantOf, extent } from './operand.ts'
import { allocate, arrayOf, backendOn, hostBuffer, makeLayout } from './tensor.ts'
import { warnOnce } from './warn.ts'

/** float64 exists on the host only: kernels of gpu.js compute in float32. Single numbers are no reason. */
export const needsHost = (inputs: readonly Tensor[], outputs: readonly Tensor[]): boolean =>
  outputs.some((out) => out.dtype === 'float64') || inputs.some((x) => x.dtype === 'float64' && constantOf(x) === undefined)

/** Why an op without a kernel of its own runs on the host; `undefined` for transfers that were asked for. */
type Reason = string | undefined

/**
 * Runs an op with the host's backend, in its place in the queue: reads what lies on the device, computes, and gives the
 * results back to the device. Warns, once for each reason, unless float64 is computed from what the host has anyway.
 */
export function hostOp(
  engine: Engine,
  reason: Reason,
  inputs: readonly Tensor[],
  outputs: readonly Tensor[],
  compute: (host: Backend, inputs: Tensor[], outputs: Tensor[]) => void,
): void {
  const host = backendOn('host')
  const sources = inputs.map((x) => source(engine, x))
  const targets = outputs.map((out) => target(engine, out))
  if (reason !== undefined) {
    engine.counters.hostOps++
    if (reason !== 'float64' || inputs.some((x) => x.dtype !== 'float64' && x.buffer instanceof GpuBuffer)) {
      warnOnce(`host ${reason}`, `${reason} has no kernel on the gpu and runs on the host`)
    }
  }
  const run = (arrays: readonly TypedArray[], old: readonly (TypedArray | undefined)[]): void => {
    const outs = targets.map(({ make }, i) => make(old[i]))
    compute(
      host,
      sources.map(({ make }, i) => make(arrays[i])),
      outs,
    )
    outs.forEach(({ array, layout }, i) => {
      const { cell } = targets[i]
      engine.store(cell, old[i] ? array : array.subarray(layout.offset, layout.offset + cell.length))
    })
  }
  const [arrays, old] = [sources.map(({ data }) => data), targets.map((to) => to.old)]
  const waits = [...arrays, ...old].some((data) => data instanceof Promise)
  engine.work(
    targets.map(({ cell }) => cell),
    () => {
      if (waits) return Promise.all([settle(arrays), settle(old)]).then(([now, before]) => run(now, before))
      return run(arrays as TypedArray[], old as (TypedArray | undefined)[])
    },
  )
}

const settle = <T>(values: readonly (T | Promise<T>)[]): Promise<T[]> =>
  Promise.all(values.map((value) => Promise.resolve(value)))

interface Source {
  readonly data: TypedArray | Promise<TypedArray>
  readonly make: (array: TypedArray) => Tensor
}

/** An input as it is now: its elements, and the tensor that they make on the host. */
function source(engine: Engine, x: Tensor): Source {
  if (!(x.buffer instanceof GpuBuffer)) return { data: x.array, make: () => x }
  const { shape, strides, offset } = x.layout
  const [from, to] = x.size === 0 ? [0, 0] : extent(x.layout)
  const layout = makeLayout(shape, strides, offset - from)
  return {
    data: snapshot(engine, engine.cellOf(x), from, to),
    make: (array) => new Tensor(hostBuffer(array), layout, x.dtype),
  }
}

/** The elements `from … to` of a cell: at once if the host has them. */
function snapshot(engine: Engine, cell: Cell, from: number, to: number): TypedArray | Promise<TypedArray> {
  const { dtype } = cell
  if (cell.number) return arrayOf(dtype, [cell.number.value])
  if (!cell.written) return arrayOf(dtype, new Float32Array(to - from))
  if (cell.host) return cell.host.subarray(from, to)
  // Not yet computed, or on the device: read when the queue has come so far.
  if (dtype === 'float64') return engine.hostData(cell).then((data) => data.subarray(from, to))
  return engine.read(cell, from, to - from).then((data) => arrayOf(dtype, data))
}

interface Target {
  readonly cell: Cell
  /** What the buffer holds, if the op writes a part of it only. */
  readonly old: TypedArray | Promise<TypedArray> | undefined
  readonly make: (old: TypedArray | undefined) => Tensor
}

function target(engine: Engine, out: Tensor): Target {
  const cell = engine.cellOf(out)
  return {
    cell,
    old: coversBuffer(out, cell) ? undefined : snapshot(engine, cell, 0, cell.length),
    make(old) {
      if (old) return new Tensor(hostBuffer(old.slice()), out.layout, out.dtype)
      const { buffer, offset } = allocate(out.dtype, cell.length)
      return new Tensor(buffer, { ...out.layout, offset }, out.dtype)
    },
  }
}
