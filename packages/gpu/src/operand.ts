import type { Tensor } from '@typegrad/tensor'
import { GpuBuffer } from './buffer.ts'
import type { Argument, ArrayArgument, Engine, NumberArgument } from './engine.ts'
import { constantSource } from './executor.ts'
import { contiguousLayout, makeLayout, type Layout } from './tensor.ts'

/** What a kernel reads: device memory and how the elements of a shape lie in it. */
export interface Operand extends ArrayArgument {
  readonly layout: Layout
}

/** The number that all elements of x are, if that is known without reading the device. */
export function constantOf(x: Tensor): NumberArgument | undefined {
  if (x.buffer instanceof GpuBuffer) return x.buffer.cell.number ?? (x.buffer.cell.written ? undefined : 0)
  const { shape, strides, offset } = x.layout
  return shape.every((length, i) => length === 1 || strides[i] === 0) ? x.array[offset] : undefined
}

/** The tensor's elements on the device; those of a host tensor are uploaded. */
export function operand(engine: Engine, x: Tensor): Operand {
  const { layout } = x
  const number = x.buffer instanceof GpuBuffer ? x.buffer.cell.number : undefined
  if (number) {
    const cell = engine.temporary(1, x.dtype)
    engine.launch('constant', constantSource, [1], [number], [cell])
    return { cell, offset: 0, layout }
  }
  if (x.buffer instanceof GpuBuffer) return { cell: engine.cellOf(x), offset: layout.offset, layout }
  const [from, to] = extent(layout)
  return { cell: engine.upload(x.array, from, to), offset: layout.offset - from, layout }
}

/** The part of a buffer that a layout of at least one element touches. */
export function extent({ shape, strides, offset }: Layout): readonly [number, number] {
  let [from, to] = [offset, offset + 1]
  shape.forEach((length, i) => {
    const step = (length - 1) * strides[i]
    if (step < 0) from += step
    else to += step
  })
  return [from, to]
}

/** The same elements seen otherwise. */
export const seenAs = (x: Operand, shape: readonly number[], strides: readonly number[]): Operand => ({
  ...x,
  layout: makeLayout(shape, strides, x.layout.offset),
})

/** A temporary of this shape. */
export function temporary(engine: Engine, shape: readonly number[]): Operand {
  const layout = contiguousLayout(shape)
  return { cell: engine.temporary(layout.size), offset: 0, layout }
}

/** An operand as arguments of a kernel, in the order of `KernelText.operand`. */
export const operandArguments = (x: ArrayArgument, strides: readonly number[]): Argument[] => [x, ...strides]
