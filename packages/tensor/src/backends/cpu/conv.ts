import { contiguousLayout, type Layout } from '../../layout.ts'
import type { TypedArray } from '../../dtype.ts'
import type { Tensor } from '../../tensor.ts'
import type { ConvAttributes } from '../backend.ts'
import { forEachRow, forEachTap } from './windows.ts'

/** Elements and where they lie: a tensor, or sums in double precision that become one. */
interface Operand {
  readonly array: TypedArray
  readonly layout: Layout
}

/**
 * Convolution and its gradients are one sum of products, `x[b, …p, g, i] · kernel[…k, i, g, j] · y[b, …o, g, j]` over all
 * that meet; each adds the product of two to the third.
 */
type Target = 'x' | 'kernel' | 'y'

export function conv(x: Tensor, kernel: Tensor, attributes: ConvAttributes, out: Tensor): void {
  sumInto(out, (y) => contract('y', x, kernel, y, attributes))
}

export function convInput(dy: Tensor, kernel: Tensor, attributes: ConvAttributes, out: Tensor): void {
  sumInto(out, (x) => contract('x', x, kernel, dy, attributes))
}

export function convKernel(x: Tensor, dy: Tensor, attributes: ConvAttributes, out: Tensor): void {
  sumInto(out, (kernel) => contract('kernel', x, kernel, dy, attributes))
}

function sumInto(out: Tensor, add: (sums: Operand) => void): void {
  const sums = new Float64Array(out.size)
  add({ array: sums, layout: contiguousLayout(out.shape) })
  out.array.set(sums, out.layout.offset)
}

/** For every position in the window, walks the inputs and outputs that meet there: a matrix product of their channels each. */
function contract(target: Target, x: Operand, kernel: Operand, y: Operand, { groups, ...windows }: ConvAttributes): void {
  const rank = windows.strides.length
  const { shape, strides, offset } = kernel.layout
  const [channels, filters] = [shape[rank], shape[rank + 1] / groups]
  const [xStep, yStep] = [x.layout.strides[rank + 1], y.layout.strides[rank + 1]]
  // The longest loop innermost: over the filters as a rule, over the groups of a depthwise convolution.
  const [outer, middle, inner] = [
    { count: groups, x: channels * xStep, kernel: filters * strides[rank + 1], y: filters * yStep },
    { count: channels, x: xStep, kernel: strides[rank], y: 0 },
    { count: filters, x: 0, kernel: strides[rank + 1], y: yStep },
  ].sort((a, b) => a.count - b.count)
  const arrays = { x: x.array, kernel: kernel.array, y: y.array }
  const others = { x: ['kernel', 'y'], kernel: ['x', 'y'], y: ['x', 'kernel'] } as const
  const [p, q] = others[target]
  const [to, a, b, toStep, aStep, bStep] = [arrays[target], arrays[p], arrays[q], inner[target], inner[p], inner[q]]
  const at = { x: 0, kernel: 0, y: 0 }
  forEachTap({ window: shape.slice(0, rank), ...windows }, [x.layout], y.layout, (met, tap) => {
    const first = tap.reduce((sum, k, axis) => sum + k * strides[axis], offset)
    forEachRow(met, ([atX, atY]) => {
      for (let i = 0; i < outer.count; i++) {
        for (let j = 0; j < middle.count; j++) {
          at.x = atX + i * outer.x + j * middle.x
          at.kernel = first + i * outer.kernel + j * middle.kernel
          at.y = atY + i * outer.y + j * middle.y
          addProducts(inner.count, to, at[target], toStep, a, at[p], aStep, b, at[q], bStep)
        }
      }
    })
  })
}

/** `to += a · b`, `n` times, each a step on. */
function addProducts(
  n: number,
  to: TypedArray,
  atTo: number,
  toStep: number,
  a: TypedArray,
  atA: number,
  aStep: number,
  b: TypedArray,
  atB: number,
  bStep: number,
): void {
  for (let i = 0; i < n; i++) to[atTo + i * toStep] += a[atA + i * aStep] * b[atB + i * bStep]
}
