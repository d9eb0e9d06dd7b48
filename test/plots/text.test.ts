import { plotHistory, plotLines } from '@typegrad/plots'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { history, longHistory } from './curves.ts'

test('two metrics in 80 columns', () => {
  expect(`\n${plotHistory(history, { title: 'IMDB' }).text()}\n`).toMatchInlineSnapshot(`
    "
    IMDB

          loss    ⠒⠒ train   o validation
      0.8┤
         │
         │                                                                     o   o
      0.6┤o⡀                                                    o   o  o   o
         │ ⠈⠒⢄                                  o   o   o   o
      0.4┤    o⠒⢄⡀               o   o   o   o
         │       ⠈o⠢⢄⡀o  o   o
         │           ⠈⠙⠒⠤⣀⣀
      0.2┤                 ⠉⠑⠒⠢⠤⠤⣀⣀
         │                         ⠉⠉⠉⠑⠒⠒⠒⠢⠤⠤⠤⠤⣄⣀⣀⣀⣀⣀⣀⣀⡀
      0.0┤                                             ⠈⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠒⠒⠒⠒⠒⠒⠒⠒⠒⠒⠒⠒
         └────┬───────▲──────┬───────┬───────┬──────┬───────┬───────┬──────┬───────┬
    epoch     2       4      6       8      10     12      14      16     18      20

          binary_accuracy    ⠒⠒ train   o validation
     1.00┤                                             ⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⡠⠤⠤⠤⠤⠤⠤⠤⠤⠤⠤⠤⠤⠤⠤⠤⠤⠤⠤
         │                           ⢀⣀⣀⡠⠤⠤⠤⠒⠒⠒⠒⠉⠉⠉⠉⠉⠉⠉
     0.95┤                    ⣀⡠⠤⠔⠒⠉⠉⠁
         │              ⢀⡠⠤⠒⠊⠉
     0.90┤           ⣀⠴⠊⠁
         │    o   o⠔⠉ o  o   o   o   o   o   o  o   o   o   o   o   o  o   o   o   o
     0.85┤     ⣀⠔⠉
         │o  ⡠⠊
     0.80┤ ⡠⠊
         │⠘
     0.75┤
         └────┬───────▲──────┬───────┬───────┬──────┬───────┬───────┬──────┬───────┬
    epoch     2       4      6       8      10     12      14      16     18      20

    ▲ lowest val_loss 0.3346 at epoch 4
    "
  `)
})

test('limits, a gap and a lone value', () => {
  const text = plotHistory({ loss: [3, 2, null, 1, null, 1.5, 1.2] }, { yLimits: [0, 2] }).text({ width: 40, height: 9 })
  expect(`\n${text}\n`).toMatchInlineSnapshot(`
    "
          loss
        2┤     ⠑⠄
         │                            ⣀⣀
         │                              ⠉⠉⠒⠢
        1┤                 •
         │
        0┤
         └──────┬──────────┬──────────┬─────
    epoch       2          4          6
    "
  `)
})

test('four series on a log scale', () => {
  const at = (rate: number): number[] => Array.from({ length: 30 }, (_, i) => Math.exp(-i * rate))
  const series = { SGD: at(0.05), momentum: at(0.1), Adagrad: at(0.15), Adam: at(0.25) }
  const text = plotLines({ series, xTitle: 'step', yTitle: 'loss', yScale: 'log' }).text({ width: 60, height: 12 })
  expect(`\n${text}\n`).toMatchInlineSnapshot(`
    "
           loss    ⠒⠒ SGD   o momentum   x Adagrad   + Adam
         1┤+⠤+⠤x⠤o⠤⠤⣄⣀⣀⣀⣀⣀⣀⣀⣀
          │    + + + x x x x⠈o⠉o⠉o⠉o⠉⠑⠒⠒⠒⠒⠒⠒⠒⠒⠤⠤⠤⠤⠤⠤⠤⠤⢄⣀⣀⣀⣀⣀⣀⣀⣀
       0.1┤          + + + + x x x x x o o o o o o o           ⠉
          │                  + + +     x x x x x x   o o o o o o
          │                        + + + +         x x x x x x
      0.01┤                                + + +               x
          │                                      + + +
     0.001┤                                            + + + +
          │                                                    +
          └┬────────┬────────┬────────┬────────┬────────┬───────
      step 0        5       10       15       20       25
    "
  `)
})

describe('the letters', () => {
  const rowsOf = (text: string): string[] => text.split('\n').filter((row) => /[│┤]/.test(row))

  test('stand where the values are', () => {
    const rows = rowsOf(plotLines({ series: { a: [0, 0, 0], b: [0, 1, 0] } }).text({ width: 45, height: 14 }))
    expect(rows).toHaveLength(11)
    expect(rows[0].indexOf('o')).toBe(rows[0].lastIndexOf('o'))
    expect(rows[0]).toMatch(/^ +1\.0┤ {20}o$/)
    expect(rows[10]).toMatch(/^ +0\.0┤o.*o$/)
  })

  test('do not hide the line below where points are close', () => {
    const text = plotHistory({ loss: Array(500).fill(1), val_loss: Array(500).fill(1) }).text()
    expect(text).toMatch(/o[\u2801-\u28ff]o[\u2801-\u28ff]o/)
  })
})

test('nothing finite says so', () => {
  expect(plotHistory({ loss: [NaN, NaN] }).text()).toContain('no finite values')
})

test('toString is the text', () => {
  const plot = plotHistory(history)
  expect(String(plot)).toBe(plot.text())
})

test('fits the width and height that are given', () => {
  fc.assert(
    fc.property(fc.integer({ min: 24, max: 200 }), fc.integer({ min: 6, max: 40 }), (width, height) => {
      const rows = plotHistory(history, { metrics: ['loss'], markBest: false })
        .text({ width, height })
        .split('\n')
      expect(rows).toHaveLength(height)
      expect(Math.max(...rows.slice(1).map((row) => row.length))).toBe(width)
    }),
  )
})

test('any values are drawn, in any limits, quickly', () => {
  const values = fc.array(fc.option(fc.double()), { minLength: 1, maxLength: 50 })
  const limits = fc.option(
    fc.tuple(fc.double({ min: 1e-9, max: 1, noNaN: true }), fc.double({ min: 2, max: 1e9, noNaN: true })),
    { nil: undefined },
  )
  fc.assert(
    fc.property(values, values, limits, fc.constantFrom('linear', 'log'), (a, b, yLimits, yScale) => {
      const text = plotLines({ series: { a, b }, yScale, ...(yLimits && { yLimits }) }).text({ height: 8 })
      expect(text.split('\n')).toHaveLength(8)
      expect(text).not.toMatch(/NaN|Infinity|undefined/)
    }),
  )
  const start = performance.now()
  plotHistory({ ...longHistory(10_000), spike: [1e300, ...Array(9_998).fill(0), 1e300] }, { yLimits: { spike: [0, 1] } }).text()
  expect(performance.now() - start).toBeLessThan(2000)
})
