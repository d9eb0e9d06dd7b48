import { plotLines } from '@typegrad/plots'
import { ShapeError, tensor, ValueError } from '@typegrad/tensor'
import { expect, test } from 'vitest'
import { points, yAxes, type Spec } from './curves.ts'

test('one panel, x from 0 or as given', () => {
  const { spec } = plotLines({
    series: { relu: [0, 1], tanh: { x: tensor([-1, 1]), y: [-0.76, 0.76] } },
    xTitle: 'input',
    yTitle: 'output',
  })
  expect(yAxes(spec)).toEqual([{ title: 'output', type: 'linear', domain: [-1, 1] }])
  expect((spec as unknown as Spec).concat[0].encoding.x).toMatchObject({ axis: { title: 'input' }, scale: { domain: [-1, 1] } })
  expect(points(spec, 0, 'relu')).toEqual([
    [0, 0],
    [1, 1],
  ])
  expect(points(spec, 0, 'tanh')).toEqual([
    [-1, -0.76],
    [1, 0.76],
  ])
})

test('limits and a log scale', () => {
  const { spec } = plotLines({ series: { a: [1, 0, 10] }, yLimits: [0.1, 100], yScale: 'log' })
  expect(yAxes(spec)).toEqual([{ title: 'y', type: 'log', domain: [0.1, 100] }])
  expect(points(spec, 0, 'a').map(([, y]) => y)).toEqual([1, null, 10])
})

test('errors', () => {
  expect(() => plotLines({ series: {} })).toThrow(ValueError)
  expect(() => plotLines({ series: { a: [] } })).toThrow(/plotLines: no values/)
  expect(() => plotLines({ series: { a: { x: [1], y: [1, 2] } } })).toThrow(ShapeError)
  expect(() => plotLines({ series: { a: { x: [1], y: [1, 2] } } })).toThrow(/'a' has 1 x and 2 y values/)
  expect(() => plotLines({ series: { a: { x: [1, NaN], y: [1, 2] } } })).toThrow(/x of 'a'/)
})
