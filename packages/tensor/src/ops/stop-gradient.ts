import { apply, type Op } from '../op.ts'
import { Tensor } from '../tensor.ts'

const stopGradientOp: Op<undefined> = {
  name: 'stopGradient',
  infer: ([x]) => ({ shape: x.shape, dtype: x.dtype }),
  run: ([x]) => new Tensor(x.buffer, x.layout, x.dtype),
  batch: ([x]) => stopGradient(x),
}

/** x as a constant: no gradient flows through. */
export const stopGradient = (x: Tensor): Tensor => apply(stopGradientOp, [x], undefined)
