// Summaries and drawings of models.
import fc from 'fast-check'
import { Add, Concatenate, Dense, Embedding, Input } from '@typegrad/layers'
import { Model, modelFromConfig, Sequential } from '@typegrad/model'
import type { Tensor } from '@typegrad/tensor'
import { describe, expect, it } from 'vitest'
import { layOut, type Box } from '../../packages/model/src/plot/layout.ts'
import { runs } from './golden.ts'

const nested = (): Model => {
  const inner = new Sequential(
    [Input({ shape: [3] }), new Dense({ units: 2, name: 'in1' }), new Dense({ units: 2, name: 'in2' })],
    { name: 'inner' },
  )
  inner.trainable = false
  const [a, b] = [Input({ shape: [3], name: 'a & <b>' }), Input({ shape: [2], name: 'late' })]
  const deep = new Dense({ units: 2, name: 'deep' }).apply(inner.apply(a))
  const shared = new Dense({ units: 2, name: 'shared' })
  const twice = shared.apply(shared.apply(deep))
  const outputs = new Concatenate({ name: 'end' }).apply([new Add({ name: 'sum' }).apply([deep, twice]), b])
  return new Model({ inputs: [a, b], outputs, name: 'outer' })
}

describe('summary', () => {
  it.each(runs.map((run): [string, (typeof runs)[number]] => [run.id, run]))(
    "of '%s' is the text that Keras prints",
    (_, run) => {
      const shown = (text: string): string[] =>
        text
          .split('\n')
          .map((line) => line.trimEnd())
          .filter(Boolean)
      expect(shown(modelFromConfig(run.model).summary({ print: () => undefined, lineLength: 80 }))).toEqual(shown(run.summary))
    },
  )

  it('lists the layers of models within, and says which are trained', () => {
    let printed = ''
    const text = nested().summary({ expandNested: true, showTrainable: true, lineLength: 100, print: (all) => (printed = all) })
    expect(printed).toBe(text)
    const cells = text
      .split('\n')
      .filter((line) => line.startsWith('│'))
      .map((line) => line.split('│').slice(1, -1))
    const rows = cells.map((row) => [row[0].trimEnd(), row[2].trim(), row[4].trim()]).filter(([, params]) => params !== '')
    expect(rows).toEqual([
      [' a & <b> (InputLayer)', '0', '-'],
      [' inner (Sequential)', '14', 'N'],
      ['    └ in1 (Dense)', '8', 'N'],
      ['    └ in2 (Dense)', '6', 'N'],
      [' deep (Dense)', '6', 'Y'],
      [' shared (Dense)', '6', 'Y'],
      [' sum (Add)', '0', '-'],
      [' late (InputLayer)', '0', '-'],
      [' end (Concatenate)', '0', '-'],
    ])
    expect(
      new Set(
        text
          .split('\n')
          .slice(1, 10)
          .map((line) => line.length),
      ),
    ).toEqual(new Set([112]))
  })

  it('says what is not built', () => {
    const text = new Sequential([new Dense({ units: 2, name: 'later' })]).summary({ print: () => undefined })
    expect(text).toMatch(/later \(Dense\) +│ \? +│ +0 \(unbuilt\) │/)
  })

  it('shows what comes out of the layers that a call has built', () => {
    class Mine extends Model {
      readonly one = new Embedding({ inputDim: 5, outputDim: 3, name: 'one' })
      readonly two = new Dense({ units: 2, name: 'two' })
      override call(x: Tensor): Tensor {
        return this.one.apply(x).mean(1)
      }
    }
    const model = new Mine()
    model.apply([[1, 2]])
    const text = model.summary({ print: () => undefined })
    expect(text).toMatch(/one \(Embedding\) +│ \(None, 2, 3\) +│ +15 │/)
    expect(text).toMatch(/two \(Dense\) +│ \? /)
  })
})

describe('plot', () => {
  const texts = (svg: string): string[] =>
    [...svg.matchAll(/<text class="(?:name|detail)"[^>]*>([^<]*)</g)].map(([, text]) => text)

  it('draws a box for every call of a layer and a line for every tensor between them', () => {
    const svg = nested().plot()
    expect(svg).toMatch(/^<svg xmlns="http:\/\/www.w3.org\/2000\/svg" viewBox="0 0 [\d.]+ [\d.]+"/)
    expect(svg.match(/<rect/g)).toHaveLength(8)
    expect(svg.match(/class="line"/g)).toHaveLength(8)
    expect(svg.match(/class="box frozen"/g)).toHaveLength(1)
    expect(svg).not.toMatch(/NaN|undefined|Infinity/)
    expect(texts(svg)).toEqual(
      expect.arrayContaining(['a &amp; &lt;b>', '14 params, not trained', 'shared', 'shared (call 2)', '(None, 4)']),
    )
  })

  it('shows what it is told to', () => {
    const model = new Sequential([Input({ shape: [3] }), new Dense({ units: 2, name: 'only' })])
    expect(texts(model.plot({ showShapes: false, showParams: false })).slice(1)).toEqual(['only'])
    expect(texts(model.plot({ showDtype: true }))).toContain('(None, 2) float32')
    class Mine extends Model {
      readonly one = new Dense({ units: 1, name: 'mine' })
    }
    expect(texts(new Mine().plot())).toEqual(['mine'])
    expect(new Sequential([]).plot()).toMatch(/<\/svg>/)
  })

  it('lays out any graph: no boxes overlap, and every line goes down, around them', () => {
    const graph = fc
      .array(fc.tuple(fc.integer({ min: 20, max: 300 }), fc.array(fc.nat(), { maxLength: 3 })), { minLength: 1, maxLength: 12 })
      .map((given) =>
        given.map(([width, from], i): Box => ({ width, inputs: i === 0 ? [] : [...new Set(from.map((n) => n % i))] })),
      )
    fc.assert(
      fc.property(graph, (boxes) => {
        const { boxes: placed, lines, width, rows } = layOut(boxes)
        placed.forEach((a, i) => {
          expect(a.x - boxes[i].width / 2).toBeGreaterThanOrEqual(-1e-6)
          expect(a.x + boxes[i].width / 2).toBeLessThanOrEqual(width + 1e-6)
          expect(a.row).toBeLessThan(rows)
          for (const from of boxes[i].inputs) expect(placed[from].row).toBeLessThan(a.row)
        })
        const rowMates = placed.flatMap((a, i) =>
          placed.slice(i + 1).flatMap((b, k) => (a.row === b.row ? [[a, i, b, i + 1 + k] as const] : [])),
        )
        for (const [a, i, b, k] of rowMates)
          expect(Math.abs(a.x - b.x)).toBeGreaterThanOrEqual((boxes[i].width + boxes[k].width) / 2)
        expect(lines).toHaveLength(boxes.reduce((n, { inputs }) => n + inputs.length, 0))
        for (const line of lines) {
          line.slice(1).forEach(([, row], n) => expect(row).toBe(line[n][1] + 1))
          for (const [x, row] of line.slice(1, -1)) {
            const hit = placed.filter((box, i) => box.row === row && Math.abs(box.x - x) < boxes[i].width / 2)
            expect(hit).toEqual([])
          }
        }
      }),
    )
  })
})
