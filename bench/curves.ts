import type { Row } from './case.ts'

type Point = NonNullable<Row['curve']>

const panel = { width: 400, height: 250, left: 62, right: 16, top: 34, bottom: 34 }
const colors = ['#4269d0', '#ff725c', '#6cc5b0', '#a463f2']

const figure = (value: number): string => (value >= 1000 ? value.toFixed(0) : String(Number(value.toPrecision(3))))

/** Powers of ten from `low` to `high`. */
const decades = (low: number, high: number): number[] => {
  const all: number[] = []
  for (let value = 10 ** Math.floor(Math.log10(low)); value <= high * 10; value *= 10) all.push(value)
  return all
}

/**
 * The time of a step against each size, on logarithmic axes, a line for each number of threads. The dashes are as long as the work
 * of the largest step would take at its speed on one thread: where a line lies on them, time grows as the work does.
 */
export function curves(rows: readonly Row[], title: string): string {
  const points = rows.flatMap(({ curve, threads }) => (curve ? [{ ...curve, threads }] : []))
  const names = [...new Set(points.map(({ name }) => name))]
  const counts = [...new Set(points.map(({ threads }) => threads))]
  const parts = names.map((name, i) => {
    const own = points.filter((point) => point.name === name)
    const place = `translate(${(i % 2) * panel.width} ${44 + Math.floor(i / 2) * panel.height})`
    return `<g transform="${place}">${drawPanel(name, own, counts)}</g>`
  })
  const legend = counts.map(
    (threads, i) => `<text x="${20 + 90 * i}" y="36" fill="${colors[i]}">${threads} thread${threads > 1 ? 's' : ''}</text>`,
  )
  legend.push(`<text x="${20 + 90 * counts.length}" y="36" fill="#888">- - as the work</text>`)
  const [width, height] = [2 * panel.width, 52 + Math.ceil(names.length / 2) * panel.height]
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" font-family="system-ui, sans-serif" font-size="10">`,
    '<rect width="100%" height="100%" fill="white"/>',
    `<text x="20" y="18">A training step, µs: ${title}</text>`,
    ...legend,
    ...parts,
    '</svg>',
    '',
  ].join('\n')
}

function drawPanel(name: string, points: readonly (Point & { readonly threads: number })[], counts: readonly number[]): string {
  const alone = points.filter(({ threads }) => threads === counts[0]).toSorted((a, b) => a.size - b.size)
  const last = alone.at(-1)!
  const ideal = alone.map(({ size, work }) => ({ size, microseconds: (last.microseconds * work) / last.work }))
  const times = [...points, ...ideal].map(({ microseconds }) => microseconds)
  const scale = (from: readonly [number, number], to: readonly [number, number]) => (value: number) =>
    to[0] + ((Math.log(value) - Math.log(from[0])) / (Math.log(from[1]) - Math.log(from[0]))) * (to[1] - to[0])
  const bounds = [Math.min(...times) / 1.3, Math.max(...times) * 1.3] as const
  const x = scale([alone[0].size, last.size], [panel.left, panel.width - panel.right])
  const y = scale(bounds, [panel.height - panel.bottom, panel.top])
  const line = (list: readonly { size: number; microseconds: number }[], style: string): string =>
    `<polyline fill="none" ${style} points="${list.map((p) => `${x(p.size).toFixed(1)},${y(p.microseconds).toFixed(1)}`).join(' ')}"/>`
  const right = panel.width - panel.right
  return [
    `<text x="${panel.left}" y="${panel.top - 10}" font-weight="bold">${name}</text>`,
    ...decades(...bounds)
      .filter((value) => value >= bounds[0] && value <= bounds[1])
      .map(
        (value) =>
          `<path d="M${panel.left} ${y(value).toFixed(1)}H${right}" stroke="#ddd"/><text x="${panel.left - 6}" y="${(y(value) + 3).toFixed(1)}" text-anchor="end">${figure(value)}</text>`,
      ),
    ...alone.map(
      ({ size }) => `<text x="${x(size).toFixed(1)}" y="${panel.height - panel.bottom + 16}" text-anchor="middle">${size}</text>`,
    ),
    line(ideal, 'stroke="#888" stroke-dasharray="3 3"'),
    ...counts.map((threads, i) => {
      const own = points.filter((point) => point.threads === threads).toSorted((a, b) => a.size - b.size)
      const dots = own.map(
        (p) => `<circle cx="${x(p.size).toFixed(1)}" cy="${y(p.microseconds).toFixed(1)}" r="2.5" fill="${colors[i]}"/>`,
      )
      return line(own, `stroke="${colors[i]}" stroke-width="1.5"`) + dots.join('')
    }),
  ].join('\n')
}
