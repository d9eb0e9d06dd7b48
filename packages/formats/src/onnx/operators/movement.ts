/** Operators that pick and arrange elements, and that say and make shapes. */
import { arange, concat, full, scalar, tensor, ValueError, zeros, type PadMode, type Tensor } from '@typegrad/tensor'
import { dtypeOf } from '../decode.ts'
import { aligned, numberOf, numbersOf, operator, plain, range, type Operator } from './operator.ts'

const int32 = (values: readonly number[]): Tensor => tensor(Int32Array.from(values))

const axisIn = (axis: number, rank: number): number => (axis < 0 ? axis + rank : axis)

/** Axes are an attribute in older versions, and an input since. */
const axesOf = (attribute: readonly number[] | undefined, input: Tensor | undefined): readonly number[] | undefined =>
  input ? numbersOf(input) : attribute

const reshape: Operator = operator(1, 2, (a) => {
  const [attribute, keepsZeros] = [a.numbers('shape'), a.flag('allowzero')]
  return ([x, wanted]) => {
    const lengths = axesOf(attribute, wanted)
    if (!lengths) throw new ValueError('Reshape: there is no shape')
    return x.reshape(keepsZeros ? lengths : lengths.map((length, i) => (length === 0 ? (x.shape[i] ?? 0) : length)))
  }
})

const flatten: Operator = operator(1, 1, (a) => {
  const axis = a.number('axis', 1)
  return ([x]) => {
    const rows = x.shape.slice(0, axisIn(axis, x.rank)).reduce((product, length) => product * length, 1)
    return x.reshape([rows, rows === 0 ? x.shape.slice(axisIn(axis, x.rank)).reduce((p, n) => p * n, 1) : x.size / rows])
  }
})

const squeeze: Operator = operator(1, 2, (a) => {
  const attribute = a.numbers('axes')
  return ([x, axes]) => x.squeeze(axesOf(attribute, axes))
})

const unsqueeze: Operator = operator(1, 2, (a) => {
  const attribute = a.numbers('axes')
  return ([x, axes]) => {
    const added = axesOf(attribute, axes) ?? []
    const rank = x.rank + added.length
    return added
      .map((axis) => axisIn(axis, rank))
      .toSorted((p, q) => p - q)
      .reduce((y, axis) => y.expandDims(axis), x)
  }
})

const split: Operator = operator(1, 2, (a) => {
  const [axis, attribute, parts] = [a.number('axis', 0), a.numbers('split'), a.number('num_outputs', a.node.outputs.length)]
  a.wants(0)
  return ([x, lengths]) => {
    const given = axesOf(attribute, lengths)
    if (given) return x.split(given, axis)
    const length = x.shape[axisIn(axis, x.rank)]
    const each = Math.ceil(length / parts)
    return x.split(
      range(parts).map((i) => Math.max(0, Math.min(each, length - i * each))),
      axis,
    )
  }
})

const slice: Operator = operator(1, 5, (a) => {
  const attributes = ['starts', 'ends', 'axes'].map((name) => a.numbers(name))
  return ([x, ...inputs]) => {
    const [starts, ends, axes, steps] = range(4).map((i) => axesOf(attributes[i], inputs[i]))
    if (!starts || !ends) throw new ValueError('Slice: there are no starts and ends')
    const places = (axes ?? range(starts.length)).map((axis) => axisIn(axis, x.rank))
    const ranges = x.shape.map((length, axis) => {
      const i = places.indexOf(axis)
      if (i < 0) return null
      const step = steps?.[i] ?? 1
      // The end of a slice backwards may lie before the first element, which Python says by leaving it out.
      const end = step < 0 && ends[i] < -length ? null : Math.min(ends[i], length)
      return [Math.min(starts[i], length), end, step]
    })
    return x.slice(...ranges)
  }
})

const gather: Operator = operator(2, 2, (a) => {
  const axis = a.number('axis', 0)
  return ([x, indices]) => x.take(indices.cast('int32'), axis)
})

const gatherElements: Operator = operator(2, 2, (a) => {
  const axis = a.number('axis', 0)
  return ([x, indices]) => {
    const at = axisIn(axis, x.rank)
    // The other axes may be shorter.
    const part = x.slice(...x.shape.map((_, i) => (i === at ? null : [0, indices.shape[i]])))
    return part.takeAlongAxis(indices.cast('int32'), at)
  }
})

const gatherNd: Operator = operator(2, 2, (a) => {
  const batch = a.number('batch_dims', 0)
  a.need(batch === 0, `batch_dims ${batch}`)
  return ([x, indices]) => x.gatherNd(indices.cast('int32'))
})

const scatterNd: Operator = operator(3, 3, (a) => {
  const reduction = a.oneOf('reduction', ['none', 'add', 'max', 'min'], 'none')
  return ([x, indices, updates]) =>
    x.scatterUpdate(indices.cast('int32'), updates, reduction === 'none' ? {} : { reduction }).cast(x.dtype)
})

/** The number that stands for an axis in every index. */
const positions = (shape: readonly number[], axis: number): Tensor =>
  arange(shape[axis], { dtype: 'int32' })
    .reshape(shape.map((_, i) => (i === axis ? -1 : 1)))
    .broadcastTo(shape)

const scatterElements: Operator = operator(3, 3, (a) => {
  const axis = a.number('axis', 0)
  const reduction = a.oneOf('reduction', ['none', 'add', 'max', 'min'], 'none')
  return ([x, indices, updates]) => {
    const at = axisIn(axis, x.rank)
    const vectors = x.shape.map((_, i) => (i === at ? indices.cast('int32') : positions(indices.shape, i)).expandDims(-1))
    return x.scatterUpdate(concat(vectors, -1), updates, reduction === 'none' ? {} : { reduction })
  }
})

const modes: Readonly<Record<string, PadMode>> = { reflect: 'reflect', edge: 'edge', wrap: 'wrap' }

const pad: Operator = operator(1, 4, (a) => {
  const mode = a.oneOf('mode', ['constant', ...Object.keys(modes)], 'constant')
  const [attribute, fill] = [a.numbers('pads') ?? a.numbers('paddings'), a.number('value', 0)]
  return ([x, pads, value, axes]) => {
    const given = axesOf(attribute, pads) ?? []
    const named = (axes ? numbersOf(axes) : range(x.rank)).map((axis) => axisIn(axis, x.rank))
    const widths = x.shape.map((_, axis) => {
      const i = named.indexOf(axis)
      return i < 0 ? [0, 0] : [given[i], given[i + named.length]]
    })
    // What is negative is cut off.
    const cut = x.slice(...x.shape.map((length, i) => [Math.max(0, -widths[i][0]), length - Math.max(0, -widths[i][1])]))
    const number = value ? numberOf(value) : fill
    const around = widths.map(([before, after]): [number, number] => [Math.max(0, before), Math.max(0, after)])
    return cut.pad(around, mode === 'constant' ? number : modes[mode])
  }
})

const expand: Operator = plain(2, ([x, shape]) => {
  const wanted = numbersOf(shape)
  const rank = Math.max(x.rank, wanted.length)
  const [own, other] = [aligned(x.shape, rank), aligned(wanted, rank)]
  return x.broadcastTo(own.map((length, i) => (other[i] === 1 ? length : other[i])))
})

/** Blocks of channels as blocks of pixels; `CRD` has the channels first, `DCR` the blocks. */
const depthToSpace: Operator = operator(1, 1, (a) => {
  const [block, mode] = [a.number('blocksize', 1), a.oneOf('mode', ['DCR', 'CRD'], 'DCR')]
  return ([x]) => {
    const [n, c, h, w] = x.shape
    const channels = c / (block * block)
    const parts = mode === 'DCR' ? x.reshape([n, block, block, channels, h, w]) : x.reshape([n, channels, block, block, h, w])
    return parts.transpose(mode === 'DCR' ? [0, 3, 4, 1, 5, 2] : [0, 1, 4, 2, 5, 3]).reshape([n, channels, h * block, w * block])
  }
})

const spaceToDepth: Operator = operator(1, 1, (a) => {
  const block = a.number('blocksize', 1)
  return ([x]) => {
    const [n, c, h, w] = x.shape
    return x
      .reshape([n, c, h / block, block, w / block, block])
      .transpose([0, 3, 5, 1, 2, 4])
      .reshape([n, c * block * block, h / block, w / block])
  }
})

const shape: Operator = operator(1, 1, (a) => {
  const [start, end] = [a.number('start', 0), a.number('end')]
  return ([x]) => int32(x.shape.slice(start, end))
})

const constant: Operator = operator(0, 0, (a) => {
  const numbers = a.numbers('value_floats')
  const whole = a.numbers('value_ints')
  const [one, int] = [a.number('value_float'), a.number('value_int')]
  const value =
    a.tensor('value') ??
    (numbers && tensor(numbers)) ??
    (whole && int32(whole)) ??
    (one === undefined ? undefined : scalar(one)) ??
    (int === undefined ? undefined : scalar(int, 'int32'))
  a.need(value !== undefined, 'a value that is no tensor')
  return () => value!
})

const constantOfShape: Operator = operator(1, 1, (a) => {
  const value = a.tensor('value') ?? scalar(0)
  a.need(value.size === 1, 'a value that is no number')
  const number = value.item()
  return ([lengths]) => full(numbersOf(lengths), number, { dtype: value.dtype })
})

const rangeOf: Operator = plain(3, ([start, limit, delta]) =>
  arange(numberOf(start), numberOf(limit), numberOf(delta), { dtype: start.dtype }),
)

const oneHot: Operator = operator(3, 3, (a) => {
  const axis = a.number('axis', -1)
  return ([indices, depth, values]) => {
    const [n, [off, on]] = [numberOf(depth), numbersOf(values)]
    const whole = indices.cast('int32')
    const hot = whole.less(0).where(whole.add(n), whole).oneHot(n)
    return hot.mul(on - off).add(off).cast(values.dtype).moveaxis(-1, axis) // prettier-ignore
  }
})

const topK: Operator = operator(1, 2, (a) => {
  const [axis, attribute] = [a.number('axis', -1), a.number('k')]
  const largest = a.flag('largest', true)
  a.flag('sorted', true)
  a.wants(1)
  return ([x, k]) => {
    const at = axisIn(axis, x.rank)
    const n = k ? numberOf(k) : (attribute ?? 1)
    const indices = x.argsort(at, { descending: largest }).slice(...range(x.rank).map((i) => (i === at ? [0, n] : null)))
    return [x.takeAlongAxis(indices, at), indices]
  }
})

const arg = (name: 'argmax' | 'argmin'): Operator =>
  operator(1, 1, (a) => {
    const [axis, keepdims, last] = [a.number('axis', 0), a.flag('keepdims', true), a.flag('select_last_index')]
    return ([x]) => {
      if (!last) return x[name](axis, { keepdims })
      const length = x.shape[axisIn(axis, x.rank)]
      return scalar(length - 1, 'int32').sub(x.flip(axis)[name](axis, { keepdims }))
    }
  })

const cumSum: Operator = operator(2, 2, (a) => {
  const options = { exclusive: a.flag('exclusive'), reverse: a.flag('reverse') }
  return ([x, axis]) => x.cumsum(numberOf(axis), options)
})

const trilu: Operator = operator(1, 2, (a) => {
  const upper = a.flag('upper', true)
  return ([x, k]) => {
    const diagonal = k ? numberOf(k) : 0
    return upper ? x.triu(diagonal) : x.tril(diagonal)
  }
})

const eyeLike: Operator = operator(1, 1, (a) => {
  const [k, type] = [a.number('k', 0), a.number('dtype')]
  const dtype = type === undefined ? undefined : dtypeOf(type)
  a.need(type === undefined || dtype !== undefined, `elements of type ${type}`)
  return ([x]) => {
    const [rows, columns] = x.shape
    const [i, j] = [arange(rows, { dtype: 'int32' }).expandDims(1), arange(columns, { dtype: 'int32' })]
    return j
      .sub(i)
      .equal(k)
      .cast(dtype ?? x.dtype)
  }
})

const reverseSequence: Operator = operator(2, 2, (a) => {
  const [time, batch] = [a.number('time_axis', 0), a.number('batch_axis', 1)]
  return ([x, lengths]) => {
    const line = arange(x.shape[time], { dtype: 'int32' }).expandDims(0)
    const ends = lengths.cast('int32').expandDims(1)
    const picks = ends.greater(line).where(ends.sub(1).sub(line), line)
    const indices = time < batch ? picks.transpose() : picks
    const shape = x.shape.map((length, i) => (i === time || i === batch ? length : 1))
    return x.takeAlongAxis(indices.reshape(shape).broadcastTo(x.shape), time)
  }
})

export const movement: Readonly<Record<string, Operator>> = {
  Reshape: reshape,
  Flatten: flatten,
  Transpose: operator(1, 1, (a) => {
    const perm = a.numbers('perm')
    return ([x]) => x.transpose(perm)
  }),
  Squeeze: squeeze,
  Unsqueeze: unsqueeze,
  Concat: operator(1, Infinity, (a) => {
    const axis = a.number('axis', 1)
    return (inputs) => concat(inputs, axis)
  }),
  Split: split,
  Slice: slice,
  Gather: gather,
  GatherElements: gatherElements,
  GatherND: gatherNd,
  ScatterND: scatterNd,
  Scatter: scatterElements,
  ScatterElements: scatterElements,
  Pad: pad,
  Expand: expand,
  Tile: plain(2, ([x, repeats]) => x.tile(numbersOf(repeats))),
  DepthToSpace: depthToSpace,
  SpaceToDepth: spaceToDepth,
  Shape: shape,
  Size: plain(1, ([x]) => scalar(x.size, 'int32')),
  Constant: constant,
  ConstantOfShape: constantOfShape,
  Range: rangeOf,
  OneHot: oneHot,
  TopK: topK,
  ArgMax: arg('argmax'),
  ArgMin: arg('argmin'),
  CumSum: cumSum,
  Trilu: trilu,
  EyeLike: eyeLike,
  ReverseSequence: reverseSequence,
  NonZero: plain(1, ([x]) => {
    const found = x.nonzero()
    return x.rank === 0 ? zeros([0, found.shape[0] ?? 0], { dtype: 'int32' }) : found.transpose()
  }),
  Dropout: operator(1, 3, (a) => {
    a.number('ratio', 0.5)
    a.number('seed', 0)
    const mask = a.wants(1)
    return ([x, , training]) => {
      if ((training as Tensor | undefined) && numberOf(training) !== 0) throw new ValueError('Dropout: it is told to train')
      return mask ? [x.value, full(x.shape, true)] : x.value
    }
  }),
}
