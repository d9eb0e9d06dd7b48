import { plotHistory, plotLines, type Plot } from '@typegrad/plots'
import { parse, View } from 'vega'
import { compile, type TopLevelSpec } from 'vega-lite'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { history, longHistory } from './curves.ts'

const gapped = { loss: [3, 2, NaN, NaN, 1.5, 1.2, 1], val_loss: [2.5, null, 2.2, 1.9, NaN, 1.8, NaN] }

/** What vega-lite and vega say about the figure, with everything that they warn of. */
async function view(plot: Plot): Promise<{ view: View; warnings: unknown[] }> {
  const warnings: unknown[] = []
  const logger = {
    level: () => logger,
    error: (...args: unknown[]) => (warnings.push(...args), logger),
    warn: (...args: unknown[]) => (warnings.push(...args), logger),
    info: () => logger,
    debug: () => logger,
  }
  const { spec } = compile(plot.spec as unknown as TopLevelSpec, { logger: logger })
  const running = new View(parse(spec), { renderer: 'none', logger: logger })
  await running.runAsync()
  return { view: running, warnings }
}

/** The subpaths of each line: every gap starts a new one. */
function linePaths(svg: string): string[][] {
  return Array.from(svg.matchAll(/aria-roledescription="line mark"[^>]* d="([^"]*)"/g), ([, d]) => d.split(/(?=M)/))
}

describe('the specification', () => {
  test.each<[string, Plot]>([
    ['two metrics', plotHistory(history, { title: 'IMDB' })],
    ['log scales', plotHistory(history, { yScale: 'log' })],
    ['limits', plotHistory(history, { yLimits: [0.2, 0.5] })],
    ['a log scale that cuts off the best point', plotHistory({ loss: [1, 2], val_loss: [3, -1] }, { yScale: 'log' })],
    ['gaps', plotHistory(gapped)],
    ['nothing finite', plotHistory({ loss: [NaN, null], val_loss: [] })],
    ['one epoch', plotHistory({ loss: [3], val_loss: [2] })],
    ['lines', plotLines({ series: { a: [1, 2], b: { x: [0.5, 0.7], y: [3, 4] } } })],
  ])('compiles and runs without a warning: %s', async (_, plot) => {
    expect((await view(plot)).warnings).toEqual([])
  })

  test('yLimits are the domain of the scale', async () => {
    const { view: running } = await view(plotHistory(history, { yLimits: { loss: [0.05, 0.45] } }))
    expect(running.scale('concat_0_y').domain()).toEqual([0.05, 0.45])
    expect(running.scale('concat_1_y').domain()).toEqual([0.75, 1])
  })

  test('yScale is the type of the scale', async () => {
    const { view: running } = await view(plotHistory(history, { yScale: { loss: 'log' } }))
    expect(running.scale('concat_0_y').type).toBe('log')
    expect(running.scale('concat_1_y').type).toBe('linear')
  })
})

describe('the drawing', () => {
  test('shows a line per curve, titles, legend and axes', async () => {
    const svg = await plotHistory(history, { title: 'IMDB reviews' }).svg()
    expect(svg).toMatch(/^<svg [^>]*xmlns="http:\/\/www.w3.org\/2000\/svg"/)
    const text = Array.from(svg.matchAll(/<text[^>]*>([^<]+)<\/text>/g), ([, content]) => content)
    for (const shown of ['IMDB reviews', 'train', 'validation', 'loss', 'binary_accuracy', 'epoch', '20'])
      expect(text).toContain(shown)
    expect(linePaths(svg)).toHaveLength(4)
    expect(svg).toContain('stroke="#0072b2"')
    expect(svg).toContain('stroke="#d55e00"')
  })

  test('has no legend where there is only training', async () => {
    expect(await plotHistory({ loss: [2, 1] }).svg()).not.toContain('>train<')
  })

  test('breaks the line at a gap, and shows every finite value', async () => {
    const svg = await plotHistory(gapped).svg()
    // 3 2 | 1.5 1.2 1 and 2.5 | 2.2 1.9 | 1.8
    expect(linePaths(svg).map((subpaths) => subpaths.length)).toEqual([2, 3])
    expect(svg).not.toMatch(/NaN|Infinity|undefined/)
    expect(svg.match(/aria-roledescription="point"/g)).toHaveLength(5 + 4 + 1)
  })

  test('has the colours of the theme', async () => {
    expect(await plotHistory(history).svg()).toContain('fill="#ffffff"')
    expect(await plotHistory(history, { theme: 'dark' }).svg()).toContain('fill="#0d1117"')
  })

  test('escapes names', async () => {
    const svg = await plotHistory({ '<script>alert(1)</script>': [1, 2] }, { title: '</text><script>' }).svg()
    expect(svg).not.toContain('<script')
    expect(svg).toContain('&lt;script&gt;')
  })

  test('is the same text every time, with names of its own for what it clips', async () => {
    const cut = (title: string): Promise<string> => plotHistory(history, { title, yLimits: [0.2, 0.5] }).svg()
    const [first, second, other] = [await cut('a'), await cut('a'), await cut('b')]
    expect(first).toBe(second)
    const ids = (svg: string): string[] => Array.from(svg.matchAll(/ id="([^"]+)"/g), ([, id]) => id)
    expect(ids(first)).not.toHaveLength(0)
    for (const id of ids(first)) {
      expect(first).toContain(`url(#${id})`)
      expect(ids(other)).not.toContain(id)
    }
  })

  test('10,000 epochs are drawn in seconds, small, and lose no spike', async () => {
    const long = longHistory(10_000)
    long.loss[4321] = 7
    long.val_mae[1234] = -3
    const start = performance.now()
    const plot = plotHistory(long)
    const svg = await plot.svg()
    expect(performance.now() - start).toBeLessThan(5000)
    expect(svg.length).toBeLessThan(500_000)
    expect(JSON.stringify(plot.spec).length).toBeLessThan(1_000_000)
    const { view: running } = await view(plot)
    expect(running.scale('concat_0_y').domain()[1]).toBeGreaterThanOrEqual(7)
    const drawn = (plot.spec.concat as { data: { values: { x: number; y: number }[] } }[]).map(({ data }) => data.values)
    expect(drawn[0]).toContainEqual({ x: 4322, y: 7, series: 'train' })
    expect(drawn[2]).toContainEqual({ x: 1235, y: -3, series: 'validation' })
  })
})

describe('without vega', () => {
  afterEach(() => {
    vi.doUnmock('vega-lite')
    vi.resetModules()
  })

  test('svg and html say what to install, text and spec work', async () => {
    vi.resetModules()
    vi.doMock('vega-lite', () => {
      throw new Error("Cannot find package 'vega-lite'")
    })
    const { plotHistory: plotAfresh } = await import('@typegrad/plots')
    const { TypegradError } = await import('@typegrad/tensor')
    const plot = plotAfresh(history)
    await expect(plot.svg()).rejects.toThrow(/npm install vega vega-lite/)
    await expect(plot.html()).rejects.toBeInstanceOf(TypegradError)
    expect(plot.text()).toContain('loss')
    expect(plot.spec).toHaveProperty('concat')
  })
})
