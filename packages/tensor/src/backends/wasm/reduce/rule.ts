import { interpret } from '../../../formula/render-js.ts'
import { type Kernel, kernel } from '../../../formula/kernel.ts'
import { call, name } from '../../../formula/parse.ts'
import type { Reduction } from '../../backend.ts'
import { Numbers } from '../numbers.ts'
import { canRender } from '../render.ts'

/** A reduction whose elements may be taken in any order: `acc` is `combine(acc, f(x))` of something that has a neutral element. */
export interface Rule {
  readonly key: string
  /** Starts every sum, and stands for elements that do not exist. */
  readonly neutral: number
  /** Of `acc` and `x`. */
  readonly step: Kernel
  /** Of two sums `acc` and `x`. */
  readonly combine: Kernel
  /** Of `acc` and the count `n`. */
  readonly finish: Kernel
  /** Does nothing round, so that the type of the elements is enough for the sums? */
  readonly exact: boolean
  readonly numbers: Numbers
}

/** Not of products: which factors meet first decides what over- or underflows on the way. */
const neutralOf: Readonly<Record<string, number>> = { '+': 0, max: -Infinity, min: Infinity, '||': 0, '&&': 1 }

const rules = new WeakMap<Reduction, Rule | null>()

/** The rule of a reduction, if it has one. */
export function ruleOf(reduction: Reduction): Rule | null {
  let rule = rules.get(reduction)
  if (rule === undefined) rules.set(reduction, (rule = findRule(reduction)))
  return rule
}

function findRule({ init, step: text, finish: end = 'acc' }: Reduction): Rule | null {
  const step = kernel(['acc', 'x'], { acc: text })
  const { formula } = step.results[0]
  if (formula.op !== 'call' || neutralOf[formula.fn] !== init) return null
  const [first] = formula.args
  const isSum = first.op === 'name' && first.name === 'acc'
  if (!isSum || interpret(step)([init, init])[0] !== init) return null
  const finish = kernel(['acc', 'n'], { acc: end })
  if (![step, finish].every((part) => canRender(part, 'f32x4') && canRender(part, 'f64x2'))) return null
  return {
    key: `${init}|${text}|${end}`,
    neutral: init,
    step,
    combine: kernel(['acc', 'x'], { acc: call(formula.fn, name('acc'), name('x')) }),
    finish,
    exact: formula.fn !== '+' && end === 'acc',
    numbers: new Numbers(),
  }
}
