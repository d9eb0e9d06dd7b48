import { ValueError } from '@typegrad/tensor'
import type { Mark, Series } from './figure.ts'
import { formatValue } from './values.ts'

/** A quantity to watch, as in `EarlyStopping`. */
export interface Monitor {
  monitor: string
  mode?: 'auto' | 'min' | 'max'
}

/** Metrics that are better when higher; the rest are errors. */
const higherIsBetter = /acc|auc|precision|recall|f\d?_?score|fbeta|f1|r2|iou|dice|cosine_similarity|true_(posi|nega)tives/i

/** The mark at the best value of the monitored curve, where there is one. */
export function bestEpoch(
  op: string,
  curves: ReadonlyMap<string, Series>,
  markBest?: boolean | string | Monitor,
): Mark | undefined {
  if (markBest === false || ((markBest === undefined || markBest === true) && !curves.has('val_loss'))) return undefined
  const given = typeof markBest === 'object' ? markBest : { monitor: typeof markBest === 'string' ? markBest : 'val_loss' }
  const { monitor, mode = 'auto' } = given
  const series = curves.get(monitor)
  if (!series) {
    const known = [...curves.keys()]
    throw new ValueError(`${op}: markBest '${monitor}', the history has no such list; known: ${known.join(', ')}`, {
      monitor,
      known,
    })
  }
  const highest = mode === 'max' || (mode === 'auto' && higherIsBetter.test(monitor))
  const best = bestIndex(series.y, highest)
  if (best < 0) return undefined
  const [x, y] = [series.x[best], series.y[best]!]
  const text = `${highest ? 'highest' : 'lowest'} ${monitor} ${formatValue(y)} at epoch ${x}`
  return { x, y, panel: monitor.replace(/^val_/, ''), text }
}

function bestIndex(y: readonly (number | null)[], highest: boolean): number {
  return y.reduce<number>((best, value, i) => {
    if (value === null) return best
    return best < 0 || (highest ? value > y[best]! : value < y[best]!) ? i : best
  }, -1)
}
