/** Convolution, its gradients and what is made of it, against sums over all that meets. */
import { checkGradients, vjp } from '@typegrad/autograd'
import { ones, setBackend, tensor, zeros, type DType, type Tensor } from '@typegrad/tensor'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { build, dense, naiveOf, numbersFrom, randomLayout, read, type ArrayCase } from './arrays.ts'
import { needs, onEveryBackend } from './backends.ts'
import { expectClose } from './close.ts'
import { indices, Naive, product } from './naive.ts'
import { runs } from './properties.ts'
import { extent, meetings, outputsOf, windowCases, type WindowCase } from './window-cases.ts'

/** What lies in the channels. */
interface Channels {
  readonly batch: number
  readonly groups: number
  /** Channels and filters of one group. */
  readonly channels: number
  readonly filters: number
}

/** The operands of a convolution: the input, the kernel, the result. */
type Triple<T> = readonly [x: T, kernel: T, y: T]

const shapesOf = (one: WindowCase, { batch, groups, channels, filters }: Channels): Triple<number[]> => [
  [batch, ...one.lengths, groups * channels],
  [...one.window, channels, groups * filters],
  [batch, ...outputsOf(one), groups * filters],
]

/** `out += a · b` over all that meets, where `which` of the three is out; and the sums of the absolute products. */
function contract(
  one: WindowCase,
  inner: Channels,
  which: 0 | 1 | 2,
  given: readonly (Naive | undefined)[],
): { sums: Naive; scales: number[] } {
  const { batch, groups, channels, filters } = inner
  const shapes = shapesOf(one, inner)
  const position = (shape: readonly number[], index: readonly number[]): number =>
    index.reduce((at, i, axis) => at * shape[axis] + i, 0)
  const sums = Array.from({ length: product(shapes[which]) }, () => 0)
  const scales = [...sums]
  const [p, q] = [0, 1, 2].filter((i) => i !== which)
  for (const { output, tap, input } of meetings(one)) {
    for (const [b, g, i, j] of indices([batch, groups, channels, filters])) {
      const at = [
        [b, ...input, g * channels + i],
        [...tap, i, g * filters + j],
        [b, ...output, g * filters + j],
      ]
      const term = given[p]!.at(at[p]) * given[q]!.at(at[q])
      const to = position(shapes[which], at[which])
      sums[to] += term
      scales[to] += Math.abs(term)
    }
  }
  return { sums: new Naive(shapes[which], sums), scales }
}

const channelCases = fc.record({
  batch: fc.integer({ min: 0, max: 2 }),
  groups: fc.integer({ min: 1, max: 3 }),
  channels: fc.integer({ min: 1, max: 2 }),
  filters: fc.integer({ min: 1, max: 2 }),
})

const cases = windowCases({
  paddings: ['valid', 'same', 'causal', 'pairs', 'pairs'],
  // More zeros than the window spans, and elements left out.
  pair: (span) => fc.tuple(fc.integer({ min: -1, max: span + 1 }), fc.integer({ min: -1, max: 3 })),
})

const optionsOf = ({ strides, dilation, padding }: WindowCase) => ({ strides, dilationRate: dilation, padding })

onEveryBackend((backend) => {
  const floats = (['float32', 'float64'] as const).filter((type) => backend.dtypes.includes(type))
  const inputs = (['float32', 'float64', 'uint8', 'int32'] as const).filter((type) => backend.dtypes.includes(type))

  /** Random operands in random layouts, some with stride 0. */
  function draw(shapes: readonly (readonly number[])[], seed: number): ArrayCase[] {
    const random = numbersFrom(seed)
    return shapes.map((shape) =>
      randomLayout(
        shape,
        indices(shape).map(() => random() * 4 - 2),
        random,
        true,
      ),
    )
  }

  /** Compares the value of an op of two operands and its two gradients with the sums. */
  async function compare(
    op: (a: Tensor, b: Tensor) => Tensor,
    [one, inner]: readonly [WindowCase, Channels],
    [first, second, result]: Triple<0 | 1 | 2>,
    operands: readonly ArrayCase[],
    [type, kernelType]: readonly [DType, DType],
  ): Promise<void> {
    const types = [0, 1, 2].map((role): DType => (role === 1 ? kernelType : type))
    const given = [0, 1, 2].map((role) => naiveOf(operands[role], types[role]))
    const [a, b] = [build(operands[first], types[first]), build(operands[second], types[second])]
    // An integer has no gradient; the kernel beside it does.
    const watched = types[first] === 'int32' || types[first] === 'uint8' ? [second] : [first, second]
    const { value, pullback } = watched.length === 2 ? vjp(op, a, b) : vjp((kernel) => op(a, kernel), b)
    const outType = type === 'float64' || kernelType === 'float64' ? 'float64' : 'float32'
    expect(value.dtype).toBe(outType)
    const dy = naiveOf(operands[result], outType)
    const values = given.with(result, dy)
    const { sums, scales } = contract(one, inner, result, values)
    expectClose(await read(value), sums, outType, { tolerance: backend.sums, scales })
    const grads = pullback(build(operands[result], outType))
    for (const [i, role] of watched.entries()) {
      const wanted = contract(one, inner, role, values)
      expect(grads[i].dtype).toBe(types[role])
      expectClose(await read(grads[i]), wanted.sums, types[role], { tolerance: backend.sums, scales: wanted.scales })
    }
  }

  test('conv and its gradients: any rank, stride, dilation, groups, padding, layout, dtype', async () => {
    await fc.assert(
      fc.asyncProperty(
        cases,
        channelCases,
        fc.integer(),
        fc.constantFrom(...inputs),
        fc.constantFrom(...floats),
        async (one, inner, seed, type, kernelType) => {
          const operands = draw(shapesOf(one, inner), seed)
          const op = (x: Tensor, kernel: Tensor): Tensor => x.conv(kernel, { ...optionsOf(one), groups: inner.groups })
          await compare(op, [one, inner], [0, 1, 2], operands, [type, kernelType])
        },
      ),
      runs(2),
    )
  })

  test('conv and its gradients: every stride, dilation, grouping and padding of one axis, with and without a rest', async () => {
    const paddings = ['valid', 'same', 'causal', [[1, 0]], [[0, 2]], [[3, 1]]] as const
    let compared = 0
    for (const [stride, dilation, size, groups, rest] of indices([4, 3, 2, 2, 3])) {
      for (const padding of paddings) {
        const one = {
          window: [size + 2],
          strides: [stride + 1],
          dilation: [dilation + 1],
          padding,
          lengths: [extent(3, 3) + rest],
        }
        const inner = { batch: 1, groups: groups + 1, channels: 1, filters: 1 }
        const op = (x: Tensor, kernel: Tensor): Tensor => x.conv(kernel, { ...optionsOf(one), groups: inner.groups })
        await compare(op, [one, inner], [0, 1, 2], draw(shapesOf(one, inner), rest), [floats[0], floats[0]])
        compared++
      }
    }
    expect(compared).toBe(144 * paddings.length)
  })

  test('convTranspose and its gradients spread over the windows', async () => {
    const transposes = windowCases({
      paddings: ['valid', 'same', 'pairs'],
      pair: (span) => fc.tuple(fc.integer({ min: 0, max: span - 1 }), fc.constant(0)),
    })
    await fc.assert(
      fc.asyncProperty(
        transposes,
        channelCases,
        fc.boolean(),
        fc.integer(),
        async (given, { batch, channels, filters }, added, seed) => {
          // `lengths` are those of the input here; the convolution that is transposed maps what it makes to them.
          const { lengths, window, strides, dilation, padding } = given
          const spans = window.map((size, axis) => extent(size, dilation[axis]))
          const outputPadding = added ? strides.map((stride, axis) => ((axis + seed) % 2) & (stride - 1)) : undefined
          const cuts = lengths.map((_, axis) => (typeof padding === 'string' ? 0 : padding[axis][0]))
          const outputs = lengths.map((length, axis) => {
            const reach = (length - 1) * strides[axis] + spans[axis]
            if (padding === 'same') {
              return outputPadding
                ? (length - 1) * strides[axis] + (spans[axis] % 2) + outputPadding[axis]
                : length * strides[axis]
            }
            const idle = padding === 'valid' ? Math.max(0, strides[axis] - spans[axis]) : 0
            return reach - cuts[axis] + (outputPadding?.[axis] ?? idle)
          })
          fc.pre(outputs.every((length) => length > 0))
          const around = outputs.map((length, axis): [number, number] => {
            const lost = (lengths[axis] - 1) * strides[axis] + spans[axis] - length
            const first = padding === 'same' ? Math.floor(Math.max(0, lost) / 2) : cuts[axis]
            return [first, lost - first]
          })
          const one = { ...given, lengths: outputs, padding: around }
          expect(outputsOf(one)).toEqual(lengths)
          const inner = { batch, groups: 1, channels, filters }
          const op = (y: Tensor, kernel: Tensor): Tensor =>
            y.convTranspose(kernel, { ...optionsOf(given), ...(outputPadding && { outputPadding }) })
          await compare(op, [one, inner], [2, 1, 0], draw(shapesOf(one, inner), seed), [floats[0], floats[0]])
        },
      ),
    )
  })

  test('depthwiseConv: filters for each channel', async () => {
    await fc.assert(
      fc.asyncProperty(cases, channelCases, fc.integer(), async (one, { batch, groups, filters }, seed) => {
        const inner = { batch, groups, channels: 1, filters }
        const [x, kernel, y] = draw(shapesOf(one, inner), seed)
        const shape = [...one.window, groups, filters]
        const op = (a: Tensor, b: Tensor): Tensor => a.depthwiseConv(b.reshape(shape), optionsOf(one))
        await compare(op, [one, inner], [0, 1, 2], [x, kernel, y], [floats[0], floats[0]])
      }),
      runs(0.5),
    )
  })

  test('gradients of gradients', (context) => {
    needs(context, backend, 'float64')
    const small = windowCases({
      maxRank: 2,
      maxDilation: 2,
      paddings: ['valid', 'same', 'pairs'],
      pair: () => fc.tuple(fc.integer({ min: 0, max: 2 }), fc.integer({ min: 0, max: 1 })),
    })
    const ops = ['conv', 'convTranspose', 'depthwiseConv'] as const
    fc.assert(
      fc.property(small, fc.constantFrom(...ops), fc.integer({ min: 1, max: 2 }), fc.integer(), (one, name, groups, seed) => {
        const transposed = name === 'convTranspose'
        const [a, b] = transposed ? [2, 2] : name === 'conv' ? [1, 2] : [groups, 2]
        const random = numbersFrom(seed)
        const [x, kernel] = [
          [1, ...one.lengths, transposed ? 2 : groups],
          [...one.window, a, b],
        ].map((shape) => Naive.from(shape, () => random() * 2 - 1))
        const options = { ...optionsOf(one), ...(name === 'conv' && { groups }) }
        // Squared, so that the second derivative of neither operand is 0.
        const f = (p: Tensor, k: Tensor): Tensor => p[name](k, options).square()
        checkGradients(f, [dense(x.shape, x.values, 'float64'), dense(kernel.shape, kernel.values, 'float64')], { second: true })
      }),
      runs(0.3),
    )
  })

  test('a batch of none, no channels, no filters', async () => {
    const options = { padding: 'same', strides: 2 } as const
    for (const [batch, channels, filters] of [
      [0, 2, 3],
      [2, 0, 3],
      [2, 2, 0],
    ]) {
      // prettier-ignore
      const [x, kernel] = [ones([batch, 5, 4, channels]), ones([3, 2, channels, filters])]
      const { value, pullback } = vjp((a, b) => a.conv(b, options), x, kernel)
      expect(value.shape).toEqual([batch, 3, 2, filters])
      expect((await read(value)).values.every((v) => v === 0)).toBe(true)
      const grads = pullback(ones([batch, 3, 2, filters]))
      expect(grads.map(({ shape }) => shape)).toEqual([x.shape, kernel.shape])
      for (const dx of grads) expect((await read(dx)).values.every((v) => v === 0)).toBe(true)
    }
    expect(zeros([0, 4, 2]).convTranspose(ones([3, 1, 2]), { strides: 2 }).shape).toEqual([0, 9, 1])
  })

  test('what is not a number stays where it is', async () => {
    const x = tensor([1, NaN, 2, 3, Infinity, 4], { shape: [1, 6, 1] })
    const { values } = await read(x.conv(tensor([1, 1], { shape: [2, 1, 1] })))
    expect(values).toEqual([NaN, NaN, 5, Infinity, Infinity])
  })
})

describe('errors', () => {
  setBackend('cpu')
  const x = zeros([2, 5, 6, 4])
  const wrong: readonly (readonly [string, () => unknown, string])[] = [
    ['channels', () => x.conv(zeros([3, 3, 2, 8])), 'conv: [2, 5, 6, 4] with kernel [3, 3, 2, 8], the input has 4 channels, the kernel takes 2'],
    ['groups of channels', () => x.conv(zeros([3, 3, 4, 8]), { groups: 2 }), 'the kernel takes 4 in each of 2 groups'],
    ['groups of filters', () => x.conv(zeros([3, 3, 2, 3]), { groups: 2 }), '3 filters do not divide into 2 groups'],
    ['groups', () => x.conv(zeros([3, 3, 4, 3]), { groups: 0 }), 'conv: groups must be a positive integer, got 0'],
    ['rank', () => x.conv(zeros([3, 4, 3])), 'conv: [2, 5, 6, 4] with kernel [3, 4, 3], expected an input [batch, …spatial, channels]'],
    ['no spatial axis', () => zeros([2, 4]).conv(zeros([4, 3])), 'conv: [2, 4] with kernel [4, 3], expected'],
    ['empty window', () => x.conv(zeros([3, 0, 4, 3])), "the kernel's window is empty"],
    ['no room', () => x.conv(zeros([3, 3, 4, 3]), { dilationRate: [2, 3] }), 'conv: a window of 7 does not fit into 6 elements with padding [0, 0] at spatial axis 1'],
    ['strides', () => x.conv(zeros([3, 3, 4, 3]), { strides: 0 }), 'conv: strides must be a positive integer, or 2 of them, got 0'],
    ['strides of another rank', () => x.conv(zeros([3, 3, 4, 3]), { strides: [1, 1, 1] }), 'conv: strides must be a positive integer, or 2 of them, got [1,1,1]'],
    ['dilationRate', () => x.conv(zeros([3, 3, 4, 3]), { dilationRate: 1.5 }), 'conv: dilationRate must be'],
    ['padding', () => x.conv(zeros([3, 3, 4, 3]), { padding: 'full' as 'same' }), "conv: padding must be one of 'valid', 'same', 'causal' or [[before, after], [before, after]], got \"full\""],
    ['padding of another rank', () => x.conv(zeros([3, 3, 4, 3]), { padding: [[1, 1]] }), 'conv: padding must be'],
    ['depthwise channels', () => x.depthwiseConv(zeros([3, 3, 3, 2])), 'expected a kernel […window, channels, multiplier]'],
    ['transposed channels', () => x.convTranspose(zeros([3, 3, 4, 3])), 'convTranspose: [2, 5, 6, 4] with kernel [3, 3, 4, 3], the input has 4 channels, the kernel takes 3'],
    ['transposed causal', () => x.convTranspose(zeros([3, 3, 3, 4]), { padding: 'causal' }), "convTranspose: padding must be one of 'valid', 'same'"],
    ['outputPadding', () => x.convTranspose(zeros([3, 3, 3, 4]), { outputPadding: -1 }), 'convTranspose: outputPadding must be an integer ≥ 0, or 2 of them, got -1'],
  ] // prettier-ignore
  test.each(wrong)('%s', (_, f, message) => {
    expect(f).toThrow(message)
  })
})
