import { TypegradError } from '@typegrad/tensor'
import type * as Vega from 'vega'
import type * as VegaLite from 'vega-lite'
import type { VegaLiteSpec } from './spec.ts'

/** Draw a Vega-Lite specification as SVG, without a canvas. */
export async function renderSvg(spec: VegaLiteSpec): Promise<string> {
  const [vega, vegaLite] = await load()
  const { spec: compiled } = vegaLite.compile(spec as unknown as Parameters<typeof vegaLite.compile>[0])
  const view = new vega.View(vega.parse(compiled), { renderer: 'none' })
  try {
    return stableIds(await view.toSVG(), JSON.stringify(spec))
  } finally {
    view.finalize()
  }
}

/**
 * vega counts clip paths through all drawings of a process. Here their names depend on the drawing alone: the same figure
 * is always the same text, and different figures can stand in one page.
 */
function stableIds(svg: string, seed: string): string {
  let hash = 0
  for (let i = 0; i < seed.length; i++) hash = (Math.imul(hash, 31) + seed.charCodeAt(i)) >>> 0
  const seen: string[] = []
  return svg.replaceAll(/(?<=\bid="|url\(#)(clip|gradient)\d+/g, (id) => {
    if (!seen.includes(id)) seen.push(id)
    return `plot-${hash.toString(36)}-${seen.indexOf(id)}`
  })
}

/** vega is 25 MB on disk and only drawing needs it: an optional dependency, loaded on first use. */
async function load(): Promise<[typeof Vega, typeof VegaLite]> {
  try {
    return await Promise.all([import('vega'), import('vega-lite')])
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause)
    throw new TypegradError(
      `svg: vega and vega-lite draw the SVG, and could not be loaded (${reason}): npm install vega vega-lite. ` +
        'text() and spec work without them',
      { cause },
    )
  }
}
