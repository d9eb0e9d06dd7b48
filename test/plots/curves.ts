/** A training that over-fits after its fourth epoch, as Keras logs it. */
export const epoch = Array.from({ length: 20 }, (_, i) => i)
export const history = {
  loss: epoch.map((i) => 0.55 * Math.exp(-i / 4) + 0.01),
  binary_accuracy: epoch.map((i) => 1 - 0.22 * Math.exp(-i / 4)),
  val_loss: epoch.map((i) => 0.25 + 0.3 * Math.exp(-i / 1.2) + 0.02 * i),
  val_binary_accuracy: epoch.map((i) => 0.885 - 0.05 * Math.exp(-i) - 0.001 * i),
}

/** `n` epochs of noisy curves of three metrics. */
export function longHistory(n: number): Record<string, number[]> {
  let seed = 7
  const noise = (): number => (seed = (seed * 1103515245 + 12345) % 2147483648) / 2147483648
  const curve = (scale: number): number[] =>
    Array.from({ length: n }, (_, i) => Math.exp((-i / n) * scale) + 0.05 + 0.1 * noise())
  return { loss: curve(5), accuracy: curve(3), mae: curve(6), val_loss: curve(4), val_accuracy: curve(2), val_mae: curve(5) }
}

/** The parts of a Vega-Lite specification that the tests look at. */
export interface Spec {
  title?: { text: string; subtitle?: string }
  columns: number
  concat: {
    width: number
    height: number
    data: { values: { x: number; y: number | null; series: string }[] }
    encoding: Record<'x' | 'y', { scale: { domain: number[]; type?: string }; axis: { title: string } }>
    layer: { mark: { type: string; clip?: boolean }; data?: { values: { x: number; y?: number }[] } }[]
  }[]
}

/** The points of one curve. */
export function points(spec: unknown, panel: number, series: string): [number, number | null][] {
  const values = (spec as Spec).concat[panel].data.values.filter((value) => value.series === series)
  return values.map(({ x, y }) => [x, y])
}

export function yAxes(spec: unknown): { title: string; type: string | undefined; domain: number[] }[] {
  return (spec as Spec).concat.map(({ encoding: { y } }) => ({ title: y.axis.title, type: y.scale.type, domain: y.scale.domain }))
}
