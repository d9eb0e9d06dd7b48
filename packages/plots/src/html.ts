import type { Figure, Panel } from './figure.ts'
import { toPanelSpec } from './spec.ts'
import { css, cssVariables, dark, glyphs, light } from './theme.ts'
import { formatValue } from './values.ts'
import { renderSvg } from './vega.ts'

/** The figure as one HTML file: an SVG per panel, side by side where there is room, and a table of the final values. */
export async function toHtml(figure: Figure): Promise<string> {
  const { names } = figure
  const title = escapeHtml(figure.title ?? figure.panels.map((panel) => panel.title).join(', '))
  const panels = await Promise.all(figure.panels.map((panel) => renderSvg(toPanelSpec(figure, panel, css))))
  const width = Math.min(figure.columns, figure.panels.length) * (figure.width + 110)
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${title}</title>
<style>${style(figure)}main{max-width:${width}px}</style>
</head>
<body>
<main>
<h1>${title}</h1>
${figure.mark ? `<p>${escapeHtml(figure.mark.text)}</p>\n` : ''}${names.length > 1 ? legendHtml(names) : ''}<section>
${panels.map((svg) => `<figure>${svg}</figure>`).join('\n')}
</section>
${tableHtml(figure.panels, names)}
</main>
</body>
</html>
`
}

function legendHtml(names: readonly string[]): string {
  const items = names.map((name, i) => {
    const [colour, glyph] = [css.series[i % css.series.length], glyphs[i % glyphs.length]]
    return `<li><span style="color:${colour}">${glyph}</span> ${escapeHtml(name)}</li>`
  })
  return `<ul>${items.join('')}</ul>\n`
}

function tableHtml(panels: readonly Panel[], names: readonly string[]): string {
  const head = ['', ...names].map((name) => `<th scope="col">${escapeHtml(name)}</th>`).join('')
  const rows = panels.map((panel) => {
    const cells = names.map((name) => formatValue(panel.series.find((series) => series.name === name)?.y.at(-1)))
    return `<tr><th scope="row">${escapeHtml(panel.title)}</th>${cells.map((cell) => `<td>${cell}</td>`).join('')}</tr>`
  })
  return `<table>\n<caption>Final values</caption>\n<thead><tr>${head}</tr></thead>\n<tbody>\n${rows.join('\n')}\n</tbody>\n</table>`
}

function style({ theme }: Figure): string {
  const colours = theme
    ? `:root{color-scheme:${theme};${cssVariables(theme === 'dark' ? dark : light)}}`
    : `:root{color-scheme:light dark;${cssVariables(light)}}@media(prefers-color-scheme:dark){:root{${cssVariables(dark)}}}`
  return `
${colours}
body{margin:0;padding:24px;background:var(--background);color:var(--ink);font:14px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,"Noto Sans",sans-serif}
main{margin:auto}
h1{margin:0;font-size:20px;line-height:1.3}
p{margin:4px 0 0;color:var(--muted)}
ul{display:flex;flex-wrap:wrap;gap:4px 20px;margin:12px 0 0;padding:0;list-style:none}
section{display:flex;flex-wrap:wrap;gap:12px 24px;margin:16px 0}
figure{margin:0;min-width:0}
svg{display:block;max-width:100%;height:auto}
table{border-collapse:collapse;font-variant-numeric:tabular-nums}
caption{text-align:left;font-weight:600;padding:4px 0}
th,td{padding:4px 24px 4px 0;border-bottom:1px solid var(--grid);text-align:right}
th{font-weight:400;color:var(--muted)}
th[scope=row]{text-align:left;color:var(--ink)}
`
}

function escapeHtml(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;')
}
