/** Matrix products, and what moves a window over an image. ONNX has channels first, the ops here have them last: views turn them round. */
import { concat, einsum, tensor, ValueError, type Tensor } from '@typegrad/tensor'
import { numbersOf, operator, perAxis, plain, range, Unsupported, type Attributes, type Operator } from './operator.ts'

type Pair = readonly [before: number, after: number]

const channelsLast = (x: Tensor): Tensor => x.moveaxis(1, -1)
const channelsFirst = (x: Tensor): Tensor => x.moveaxis(-1, 1)

/** How a window moves, as attributes say it; lists have an entry for each spatial axis. */
interface Window {
  readonly auto: string
  readonly given: Readonly<
    Record<'kernel_shape' | 'strides' | 'dilations' | 'pads' | 'output_padding', readonly number[] | undefined>
  >
}

function windowOf(a: Attributes): Window {
  const auto = a.oneOf('auto_pad', ['NOTSET', 'SAME_UPPER', 'SAME_LOWER', 'VALID'], 'NOTSET')
  const [kernel, strides, dilations, pads] = ['kernel_shape', 'strides', 'dilations', 'pads'].map((name) => a.numbers(name))
  return { auto, given: { kernel_shape: kernel, strides, dilations, pads, output_padding: undefined } }
}

/** The elements that the windows of one axis have before and after it. */
function padding({ auto, given }: Window, op: string, lengths: readonly number[], reach: readonly number[]): Pair[] {
  const n = lengths.length
  if (auto === 'VALID') return range(n).map(() => [0, 0])
  if (auto === 'NOTSET') {
    const pads = perAxis(op, 'pads', given.pads, 2 * n, 0)
    return range(n).map((i) => [pads[i], pads[i + n]])
  }
  const strides = perAxis(op, 'strides', given.strides, n, 1)
  return lengths.map((length, i) => {
    const total = Math.max(0, (Math.ceil(length / strides[i]) - 1) * strides[i] + reach[i] - length)
    const half = total >> 1
    return auto === 'SAME_UPPER' ? [half, total - half] : [total - half, half]
  })
}

const spatial = (x: Tensor): readonly number[] => x.shape.slice(2)

/** From the first to the last element that a window sees. */
const reachOf = (window: readonly number[], dilations: readonly number[]): number[] =>
  window.map((size, i) => (size - 1) * dilations[i] + 1)

const withBias = (y: Tensor, bias: Tensor | undefined): Tensor => (bias ? y.add(bias) : y)

const conv: Operator = operator(2, 3, (a) => {
  const window = windowOf(a)
  const groups = a.number('group', 1)
  return ([x, kernel, bias]) => {
    const n = x.rank - 2
    const dilations = perAxis('Conv', 'dilations', window.given.dilations, n, 1)
    const pads = padding(window, 'Conv', spatial(x), reachOf(kernel.shape.slice(2), dilations))
    // [out, in, …window] as […window, in, out].
    const weights = kernel.transpose([...range(n, 2), 1, 0])
    const strides = perAxis('Conv', 'strides', window.given.strides, n, 1)
    const y = channelsLast(x).conv(weights, { strides, dilationRate: dilations, padding: pads, groups })
    return channelsFirst(withBias(y, bias))
  }
})

const convTranspose: Operator = operator(2, 3, (a) => {
  const window = windowOf(a)
  const [groups, more, shape] = [a.number('group', 1), a.numbers('output_padding'), a.numbers('output_shape')]
  return ([x, kernel, bias]) => {
    const n = x.rank - 2
    const strides = perAxis('ConvTranspose', 'strides', window.given.strides, n, 1)
    const dilations = perAxis('ConvTranspose', 'dilations', window.given.dilations, n, 1)
    const reach = reachOf(kernel.shape.slice(2), dilations)
    const added = perAxis('ConvTranspose', 'output_padding', more, n, 0)
    const same = window.auto.startsWith('SAME')
    const wanted = shape?.slice(-n) ?? (same ? spatial(x).map((length, i) => length * strides[i]) : undefined)
    const whole = spatial(x).map((length, i) => strides[i] * (length - 1) + added[i] + reach[i])
    const pads = wanted
      ? whole.map((length, i): Pair => {
          const total = Math.max(0, length - wanted[i])
          const half = total >> 1
          return window.auto === 'SAME_UPPER' ? [half, total - half] : [total - half, half]
        })
      : padding(window, 'ConvTranspose', spatial(x), reach)
    const short = whole.map((length, i) => (wanted ? Math.max(0, wanted[i] - length) : 0))
    const options = { strides, dilationRate: dilations, padding: pads, outputPadding: added.map((more, i) => more + short[i]) }
    // [in, out, …window] as […window, out, in].
    const weights = kernel.transpose([...range(n, 2), 1, 0]).split(groups, -1)
    const images = channelsLast(x).split(groups, -1)
    const parts = images.map((image, i) => image.convTranspose(weights[i], options))
    return channelsFirst(withBias(groups === 1 ? parts[0] : concat(parts, -1), bias))
  }
})

/** Where windows that are not whole count too: how many elements they want after the axis. */
function ceiling(length: number, [before, after]: Pair, reach: number, stride: number): number {
  const room = before + length + after - reach
  let last = Math.ceil(room / stride) * stride
  // No window begins in the padding after the axis.
  if (last >= length + before) last -= stride
  return Math.max(0, last - room)
}

const pool = (name: 'maxPool' | 'averagePool', op: string): Operator =>
  operator(1, 1, (a) => {
    const window = windowOf(a)
    const { kernel_shape: size } = window.given
    a.need(size !== undefined, 'no kernel_shape')
    const [ceil, counted] = [a.flag('ceil_mode'), a.flag('count_include_pad')]
    a.need(a.number('storage_order', 0) === 0, 'storage_order')
    a.need(
      (window.given.dilations ?? []).every((step) => step === 1),
      'dilations',
    )
    return ([x]) => {
      const n = x.rank - 2
      if (size!.length !== n) throw new Unsupported(`a window of ${size!.length} axes for ${n} axes of ${op}`)
      const strides = perAxis(op, 'strides', window.given.strides, n, 1)
      const pads = padding(window, op, spatial(x), size!)
      const more = pads.map((pair, i) => (ceil ? ceiling(x.shape[2 + i], pair, size![i], strides[i]) : 0))
      const image = channelsLast(x)
      if (name === 'averagePool' && counted) {
        const padded = image.pad([[0, 0], ...pads, [0, 0]])
        return channelsFirst(padded.averagePool(size!, { strides, padding: more.map((after): Pair => [0, after]) }))
      }
      return channelsFirst(image[name](size!, { strides, padding: pads.map(([p, q], i): Pair => [p, q + more[i]]) }))
    }
  })

const globalPool = (name: 'max' | 'mean'): Operator => plain(1, ([x]) => x[name](range(x.rank - 2, 2), { keepdims: true }))

const gemm: Operator = operator(2, 3, (at) => {
  const [alpha, beta] = [at.number('alpha', 1), at.number('beta', 1)]
  const [turnA, turnB] = [at.flag('transA'), at.flag('transB')]
  return ([a, b, c]) => {
    const product = (turnA ? a.transpose() : a).matmul(turnB ? b.transpose() : b)
    const y = alpha === 1 ? product : product.mul(alpha)
    return withBias(y, beta === 1 ? c : (c as Tensor | undefined)?.mul(beta)).cast(a.dtype)
  }
})

/** Where in a line of `length` the pixel `i` of `size` is read, by the name of the rule. */
const rules: Readonly<Record<string, (i: number, length: number, size: number, scale: number) => number>> = {
  half_pixel: (i, _, __, scale) => (i + 0.5) / scale - 0.5,
  pytorch_half_pixel: (i, _, size, scale) => (size > 1 ? (i + 0.5) / scale - 0.5 : 0),
  half_pixel_symmetric: (i, length, size, scale) => {
    const adjustment = size / (scale * length)
    return (length / 2) * (1 - adjustment) + (i + 0.5) / scale - 0.5
  },
  align_corners: (i, length, size) => (size === 1 ? 0 : (i * (length - 1)) / (size - 1)),
  asymmetric: (i, _, __, scale) => i / scale,
}

const nearest: Readonly<Record<string, (x: number) => number>> = {
  round_prefer_floor: (x) => Math.ceil(x - 0.5),
  round_prefer_ceil: (x) => Math.floor(x + 0.5),
  floor: Math.floor,
  ceil: Math.ceil,
}

/** The weights of the pixels at a distance, by Keys (1981). */
const cubic =
  (a: number) =>
  (x: number): number =>
    x < 1 ? ((a + 2) * x - (a + 3)) * x * x + 1 : x < 2 ? ((a * x - 5 * a) * x + 8 * a) * x - 4 * a : 0

/** `[length, size]`: the share of each pixel of a line in each new one. */
function shares(length: number, at: readonly number[], kernel: (x: number) => number, outside: boolean): Float64Array {
  const matrix = new Float64Array(length * at.length)
  at.forEach((center, i) => {
    const first = Math.floor(center) - 1
    const near = range(4, first).filter((k) => kernel(Math.abs(center - k)) !== 0)
    const inside = outside ? near.filter((k) => k >= 0 && k < length) : near
    const total = inside.reduce((sum, k) => sum + kernel(Math.abs(center - k)), 0)
    for (const k of inside) {
      const pixel = Math.min(Math.max(k, 0), length - 1)
      matrix[pixel * at.length + i] += kernel(Math.abs(center - k)) / total
    }
  })
  return matrix
}

interface Scaling {
  readonly mode: string
  readonly rule: string
  readonly rounding: string
  readonly a: number
  readonly outside: boolean
}

/** One axis at another length. */
function resizeAxis(x: Tensor, axis: number, size: number, scale: number, how: Scaling): Tensor {
  const length = x.shape[axis]
  if (size === length && scale === 1) return x
  if (length === 0) throw new ValueError('Resize: an axis has no elements')
  const at = range(size).map((i) => rules[how.rule](i, length, size, scale))
  if (how.mode === 'nearest') {
    const picks = at.map((center) => Math.min(Math.max(nearest[how.rounding](center), 0), length - 1))
    return x.take(Int32Array.from(picks), axis)
  }
  const kernel = how.mode === 'linear' ? (d: number) => Math.max(0, 1 - d) : cubic(how.a)
  const dtype = x.dtype === 'float64' ? 'float64' : 'float32'
  const weights = tensor(shares(length, at, kernel, how.outside), { shape: [length, size], dtype })
  return x.cast(dtype).moveaxis(axis, -1).matmul(weights).moveaxis(-1, axis)
}

const resize = (upsample: boolean): Operator =>
  operator(1, 4, (a) => {
    const old = upsample || a.version < 11
    const how: Scaling = {
      mode: a.oneOf('mode', ['nearest', 'linear', 'cubic'], 'nearest'),
      rule: old ? 'asymmetric' : a.oneOf('coordinate_transformation_mode', Object.keys(rules), 'half_pixel'),
      rounding: old ? 'floor' : a.oneOf('nearest_mode', Object.keys(nearest), 'round_prefer_floor'),
      a: a.number('cubic_coeff_a', -0.75),
      outside: a.flag('exclude_outside'),
    }
    const [attribute, axes] = [a.numbers('scales'), a.numbers('axes')]
    a.need(!a.flag('antialias'), 'antialias')
    a.oneOf('keep_aspect_ratio_policy', ['stretch'], 'stretch')
    a.number('extrapolation_value', 0)
    return ([x, ...rest]) => {
      const [scales, sizes]: (Tensor | undefined)[] = old ? rest.slice(0, 1) : rest.slice(1)
      const named = axes?.map((axis) => (axis < 0 ? axis + x.rank : axis)) ?? range(x.rank)
      const factors = scales && scales.size > 0 ? numbersOf(scales) : attribute
      const lengths = sizes && numbersOf(sizes)
      if (!factors && !lengths) throw new ValueError('Resize: there are neither scales nor sizes')
      const resized = named.reduce((y, axis, i) => {
        const length = x.shape[axis]
        const size = lengths ? lengths[i] : Math.floor(length * factors![i])
        return resizeAxis(y, axis, size, lengths ? size / length : factors![i], how)
      }, x)
      return resized.cast(x.dtype)
    }
  })

export const windows: Readonly<Record<string, Operator>> = {
  MatMul: plain(2, ([a, b]) => a.matmul(b)),
  Gemm: gemm,
  Einsum: operator(1, Infinity, (a) => {
    const equation = a.text('equation', '')
    return (inputs) => einsum(equation, ...inputs)
  }),
  Conv: conv,
  ConvTranspose: convTranspose,
  MaxPool: pool('maxPool', 'MaxPool'),
  AveragePool: pool('averagePool', 'AveragePool'),
  GlobalMaxPool: globalPool('max'),
  GlobalAveragePool: globalPool('mean'),
  Resize: resize(false),
  Upsample: resize(true),
}
