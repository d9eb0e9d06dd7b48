import { vjp } from '@typegrad/autograd'
import { resolveLoss } from '@typegrad/losses'
import { onesLike } from '@typegrad/tensor'
import {
  conformance,
  fromGolden,
  fromGoldenOr,
  golden,
  moreOf,
  type Check,
  type GoldenCase,
  type GoldenTensor,
} from '../conformance.ts'

interface LossCase extends GoldenCase {
  readonly class: string
  readonly config: Readonly<Record<string, unknown>>
  readonly y_true: GoldenTensor
  readonly y_pred: GoldenTensor
  readonly sample_weight: GoldenTensor | null
  readonly mask?: GoldenTensor | null
  readonly value: GoldenTensor
  readonly dy_pred?: GoldenTensor
}

const file = golden<LossCase>('losses')

function run(one: LossCase, check: Check): void {
  const loss = resolveLoss({ class_name: one.class, config: one.config })
  const [yTrue, weights, mask] = [fromGolden(one.y_true), fromGoldenOr(one.sample_weight), fromGoldenOr(one.mask)]
  const { value, pullback } = vjp((yPred) => loss.apply(yTrue, yPred, weights, mask), fromGolden(one.y_pred))
  check('value', value, one.value)
  check('dy_pred', pullback(onesLike(value))[0], one.dy_pred)
}

conformance('losses', file, run)
conformance('losses: more', moreOf(file), run)
