import { ValueError } from '@typegrad/tensor'
import type { SerializedObject } from '@typegrad/tensor/config'
import type { LearningRate } from './schedule.ts'

export interface OptimizerOptions {
  /** A number, a schedule or a function of the step. @defaultValue `0.001` */
  readonly learningRate?: LearningRate | SerializedObject
  readonly name?: string
  /** Decoupled decay: every step takes `weightDecay · learningRate · w` from a weight. @defaultValue `null` */
  readonly weightDecay?: number | null
  /** The largest norm of one variable's gradient. @defaultValue `null` */
  readonly clipnorm?: number | null
  /** The largest absolute value of an element of a gradient. @defaultValue `null` */
  readonly clipvalue?: number | null
  /** The largest norm of all gradients together. @defaultValue `null` */
  readonly globalClipnorm?: number | null
  /** Keeps an exponential moving average of the variables. @defaultValue `false` */
  readonly useEma?: boolean
  /** `average ← emaMomentum · average + (1 - emaMomentum) · w`. @defaultValue `0.99` */
  readonly emaMomentum?: number
  /** Replaces the variables by their averages after every so many iterations. @defaultValue `null` */
  readonly emaOverwriteFrequency?: number | null
  /** Gradients are divided by it: those of a loss that `scaleLoss` multiplied by it. @defaultValue `null` */
  readonly lossScaleFactor?: number | null
  /** Takes one step for so many calls of `apply`, with their mean gradient. @defaultValue `null` */
  readonly gradientAccumulationSteps?: number | null
}

export const optimizerDefaults = {
  learningRate: 0.001 as LearningRate | SerializedObject,
  weightDecay: null as number | null,
  clipnorm: null,
  clipvalue: null,
  globalClipnorm: null,
  useEma: false,
  emaMomentum: 0.99,
  emaOverwriteFrequency: null,
  lossScaleFactor: null,
  gradientAccumulationSteps: null,
} satisfies Required<Omit<OptimizerOptions, 'name'>>

type Check = readonly [holds: (value: number) => boolean, expected: string]

const positive: Check = [(x) => x > 0, 'a positive number']
const notNegative: Check = [(x) => x >= 0, 'a number ≥ 0']
const share: Check = [(x) => x >= 0 && x <= 1, 'a number in [0, 1]']
const memory: Check = [(x) => x >= 0 && x < 1, 'a number in [0, 1)']
const integerFrom = (low: number): Check => [(x) => Number.isInteger(x) && x >= low, `an integer ≥ ${low}`]

/** What options may be, by name; any other number must be finite. */
const checks: Readonly<Record<string, Check>> = {
  weightDecay: notNegative,
  adamWeightDecay: notNegative,
  clipnorm: positive,
  clipvalue: positive,
  globalClipnorm: positive,
  emaMomentum: share,
  emaOverwriteFrequency: integerFrom(1),
  lossScaleFactor: positive,
  gradientAccumulationSteps: integerFrom(2),
  momentum: share,
  rho: share,
  beta1: memory,
  beta2: memory,
  adamBeta1: memory,
  adamBeta2: memory,
  epsilon: notNegative,
  epsilon1: notNegative,
  epsilon2: notNegative,
  initialAccumulatorValue: notNegative,
  l1RegularizationStrength: notNegative,
  l2RegularizationStrength: notNegative,
  l2ShrinkageRegularizationStrength: notNegative,
  beta: notNegative,
  learningRatePower: [(x) => x <= 0, 'a number ≤ 0'],
  clipThreshold: positive,
  nsSteps: integerFrom(0),
  rmsRate: notNegative,
}

/** Options that may be `null`, "none", besides those whose default it is. */
const nullable = ['weightDecay', 'adamWeightDecay', 'rmsRate']

const boolean = 'true or false'

/** Throws a ValueError for an option of the wrong type, one that is not finite, or one outside its range. */
export function checkValues(optimizer: string, options: object, defaults: object): void {
  const given = options as Readonly<Record<string, unknown>>
  for (const [option, initial] of Object.entries(defaults) as [string, unknown][]) {
    const value = given[option]
    if (option === 'learningRate' || (value === null && (initial === null || nullable.includes(option)))) continue
    const type = option in checks ? 'number' : typeof initial
    if (type !== 'number' && type !== 'boolean') continue
    const [holds, expected] = type === 'boolean' ? [() => true, boolean] : (checks[option] ?? [Number.isFinite, 'a number'])
    if (typeof value !== type || (typeof value === 'number' && !(Number.isFinite(value) && holds(value))))
      throw new ValueError(`${optimizer}: ${option} is ${text(value)}, expected ${expected}`, { [option]: value })
  }
  const limits = ['clipnorm', 'clipvalue', 'globalClipnorm'].filter((option) => given[option] !== null)
  if (limits.length > 1)
    throw new ValueError(
      `${optimizer}: ${limits.join(' and ')} are given, expected one of clipnorm, clipvalue and globalClipnorm`,
    )
}

const text = (value: unknown): string => (typeof value === 'number' ? String(value) : JSON.stringify(value))
