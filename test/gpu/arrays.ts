/** Tensors of any shape and layout, for property-based tests. */
import fc, { type Arbitrary } from 'fast-check'
import { tensor, type SliceArgument, type Tensor } from '@typegrad/tensor'

/** Numbers in [-2, 2) that depend on the seed alone, on the host. */
export function numbers(shape: readonly number[], seed = 1): Tensor {
  const data = new Float32Array(shape.reduce((a, b) => a * b, 1))
  let state = (seed * 2654435761) >>> 0 || 1
  for (let i = 0; i < data.length; i++) {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    data[i] = ((state >>> 0) / 2 ** 32) * 4 - 2
  }
  return tensor(data, { shape })
}

/** What is done to an array to make a view of it. */
export type Move =
  | { readonly kind: 'transpose'; readonly by: number }
  | { readonly kind: 'flip'; readonly axis: number }
  | { readonly kind: 'slice'; readonly axis: number; readonly start: number; readonly step: number }
  | { readonly kind: 'spread'; readonly axis: number }

export interface ViewCase {
  readonly shape: readonly number[]
  readonly seed: number
  readonly moves: readonly Move[]
}

const move: Arbitrary<Move> = fc.oneof(
  fc.record({ kind: fc.constant('transpose' as const), by: fc.nat(3) }),
  fc.record({ kind: fc.constant('flip' as const), axis: fc.nat(5) }),
  fc.record({ kind: fc.constant('slice' as const), axis: fc.nat(5), start: fc.nat(2), step: fc.constantFrom(1, 2, 3, -1, -2) }),
  fc.record({ kind: fc.constant('spread' as const), axis: fc.nat(5) }),
)

export const shape = (maxRank: number, maxLength = 4): Arbitrary<number[]> =>
  fc.array(fc.integer({ min: 1, max: maxLength }), { minLength: 0, maxLength: maxRank })

export const viewCase: Arbitrary<ViewCase> = fc.record({
  shape: shape(5),
  seed: fc.integer({ min: 1, max: 1000 }),
  moves: fc.array(move, { maxLength: 3 }),
})

/** The view of a case, made of host memory. */
export const viewOf = ({ shape, seed, moves }: ViewCase): Tensor => moves.reduce(applyMove, numbers(shape, seed))

function applyMove(x: Tensor, move: Move): Tensor {
  if (move.kind === 'spread') {
    const at = move.axis % (x.rank + 1)
    return x.rank > 4 ? x : x.expandDims(at).broadcastTo(x.shape.toSpliced(at, 0, 2))
  }
  if (x.rank === 0) return x
  if (move.kind === 'transpose') return x.transpose(x.shape.map((_, i) => (i + move.by) % x.rank))
  const axis = move.axis % x.rank
  if (move.kind === 'flip') return x.flip(axis)
  const [length, { start, step }] = [x.shape[axis], move]
  const range: SliceArgument = step > 0 ? [Math.min(start, length - 1), null, step] : [null, null, step]
  return x.slice(...x.shape.map((_, i): SliceArgument => (i === axis ? range : null)))
}
