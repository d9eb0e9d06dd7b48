import type { Row } from './case.ts'

const colors = ['#4269d0', '#efb118', '#ff725c', '#6cc5b0', '#97bbf5', '#9c6b4e', '#a463f2']
const bar = { height: 12, gap: 8, left: 330, width: 420 }

/** Three digits, without an exponent. */
const figure = (value: number): string => (value >= 1000 ? value.toFixed(0) : value.toPrecision(3))

const escape = (text: string): string => text.replace(/[&<>]/g, (sign) => `&#${sign.codePointAt(0)};`)

/**
 * The results as bars, one group for each case: every contestant relative to the best of the case, so that longer is better for
 * times and for rates. The figures stand beside them.
 */
export function chart(rows: readonly Row[], title: string): string {
  const names = ['typegrad', ...new Set(rows.flatMap(({ peers }) => Object.keys(peers)))]
  const parts: string[] = []
  let y = 60
  let topic = ''
  for (const row of rows) {
    if (row.topic !== topic) {
      topic = row.topic
      y += 14
      parts.push(`<text x="10" y="${y}" font-weight="bold">${escape(topic)}</text>`)
      y += 10
    }
    const isTime = row.unit.includes('µs') || row.unit === 'ms'
    const values = Object.entries({ typegrad: row.ours, ...row.peers })
    const speed = (value: number): number => (isTime ? 1 / value : value)
    const best = Math.max(...values.map(([, value]) => speed(value)))
    parts.push(`<text x="${bar.left - 8}" y="${y + 10}" text-anchor="end">${escape(row.case)}</text>`)
    for (const [name, value] of values) {
      const width = (bar.width * speed(value)) / best
      const color = colors[names.indexOf(name) % colors.length]
      parts.push(`<rect x="${bar.left}" y="${y}" width="${width.toFixed(1)}" height="${bar.height - 2}" fill="${color}"/>`)
      parts.push(`<text x="${(bar.left + width + 5).toFixed(1)}" y="${y + 9}">${figure(value)} ${escape(row.unit)}</text>`)
      y += bar.height
    }
    y += bar.gap
  }
  const legend = names.map((name, i) => {
    const x = 10 + 110 * i
    return `<rect x="${x}" y="32" width="10" height="10" fill="${colors[i % colors.length]}"/><text x="${x + 15}" y="41">${escape(name)}</text>`
  })
  const size = `width="900" height="${y + 10}" viewBox="0 0 900 ${y + 10}"`
  const head = `<svg xmlns="http://www.w3.org/2000/svg" ${size} font-family="system-ui, sans-serif" font-size="10">`
  const background = '<rect width="100%" height="100%" fill="white"/>'
  return `${head}\n${background}\n<text x="10" y="20" font-size="13">${escape(title)}: the longer, the faster</text>\n${[...legend, ...parts].join('\n')}\n</svg>\n`
}
