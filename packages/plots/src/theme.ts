/** The colours of a figure. The curves' are those of Okabe and Ito, which colour-blind readers can tell apart. */
export interface Theme {
  readonly background: string
  readonly ink: string
  readonly muted: string
  readonly grid: string
  readonly series: readonly string[]
}

export const light: Theme = {
  background: '#ffffff',
  ink: '#1f2328',
  muted: '#59636e',
  grid: '#e4e7eb',
  series: ['#0072b2', '#d55e00', '#009e73', '#b5559b', '#b8860b', '#3a3f47'],
}

export const dark: Theme = {
  background: '#0d1117',
  ink: '#f0f3f6',
  muted: '#9aa4af',
  grid: '#262c36',
  series: ['#58b0ee', '#ff8f4a', '#3ccfa4', '#e69bd0', '#f0c34e', '#c9d1d9'],
}

/** The dots of the curves, in their order, so that they can be told apart in grey; and the letters that look like them. */
export const shapes = ['circle', 'square', 'triangle-up', 'diamond', 'triangle-down', 'cross']
export const glyphs = ['●', '■', '▲', '◆', '▼', '✚']

/** Colours by CSS variable, for SVG that stands in a page which switches between light and dark. */
export const css: Theme = {
  background: 'transparent',
  ink: 'var(--ink)',
  muted: 'var(--muted)',
  grid: 'var(--grid)',
  series: light.series.map((_, i) => `var(--series-${i})`),
}

/** The declarations that give the CSS variables of `css` the colours of `theme`. */
export function cssVariables(theme: Theme): string {
  const { series, ...roles } = theme
  const named = [...Object.entries(roles), ...series.map((colour, i) => [`series-${i}`, colour])]
  return named.map(([name, colour]) => `--${name}:${colour}`).join(';')
}
