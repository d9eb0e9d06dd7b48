/** Every kernel text that the backend can make: of all rows of the op table and their gradients, and of all other kernels. */
import { differentiate, formulaOps, kernel, parse, reductions, type Formula, type Kernel } from '@typegrad/tensor'
import { constantSource } from '../../packages/gpu/src/executor.ts'
import type { KernelSource } from '../../packages/gpu/src/kernel-text.ts'
import { argReduceSource } from '../../packages/gpu/src/kernels/arg-reduce.ts'
import { invertSource, rankSource } from '../../packages/gpu/src/kernels/argsort.ts'
import { convInputSource, convKernelSource, convSource, sumOfPartsSource } from '../../packages/gpu/src/kernels/conv.ts'
import { copySource } from '../../packages/gpu/src/kernels/copy.ts'
import { elementwiseSource } from '../../packages/gpu/src/kernels/elementwise.ts'
import { resultsOf } from '../../packages/gpu/src/kernels/results.ts'
import { gatherSource } from '../../packages/gpu/src/kernels/gather.ts'
import { matmulSource } from '../../packages/gpu/src/kernels/matmul.ts'
import { placeSource } from '../../packages/gpu/src/kernels/place.ts'
import { planesSource } from '../../packages/gpu/src/kernels/planes.ts'
import { pickSource, poolGradientSource, poolSource } from '../../packages/gpu/src/kernels/pool.ts'
import { randomSource } from '../../packages/gpu/src/kernels/random.ts'
import { combineOf } from '../../packages/gpu/src/kernels/reduce.ts'
import { reduceSource } from '../../packages/gpu/src/kernels/reduce-source.ts'
import { scanSource } from '../../packages/gpu/src/kernels/scan.ts'
import { scatterScanSource, scatterSource } from '../../packages/gpu/src/kernels/scatter-add.ts'
import { softmaxSource } from '../../packages/gpu/src/kernels/softmax.ts'
import { sparseSource } from '../../packages/gpu/src/kernels/sparse.ts'

const grids = ['1', '2', '3', 'f2', 'f4']

/** Functions without a text for the GPU: their kernels run on the host. */
export const onHost: readonly string[] = ['erfc', 'lgamma', 'polygamma', 'i0', 'i1']

const callsHost = (formula: Formula): boolean =>
  formula.op === 'call' && (onHost.includes(formula.fn) || formula.args.some(callsHost))

export function* allSources(): Generator<[name: string, source: KernelSource]> {
  for (const [name, op] of Object.entries(formulaOps)) {
    yield* elementwise(name, op.kernel)
    for (const arg of op.args)
      yield* elementwise(`${name}.${arg}`, kernel(op.args, { dx: differentiate(op.kernel.results[0].formula, arg) }))
  }
  for (const grid of grids) {
    yield [`copy ${grid}`, copySource(grid)]
    yield [`matmul ${grid}`, matmulSource(grid)]
    yield [`gather ${grid}`, gatherSource(grid)]
    for (const flag of [true, false]) {
      yield [`softmax ${grid} ${flag}`, softmaxSource(grid, flag)]
      yield [`rank ${grid} ${flag}`, rankSource(grid, flag)]
    }
    yield [`invert ${grid}`, invertSource(grid)]
    for (const kind of ['max', 'min'] as const) yield [`arg${kind} ${grid}`, argReduceSource(kind, grid)]
    for (const [name, row] of Object.entries(reductions)) yield* reduction(`${name} ${grid}`, grid, row)
  }
  for (const grid of ['3', 'f3']) {
    yield [`scatter ${grid}`, scatterSource(grid)]
    yield [`scatter-scan ${grid}`, scatterScanSource(grid)]
    yield [`scan ${grid}`, scanSource(grid, undefined, '+')]
    yield [`shift ${grid}`, scanSource(grid, '1', undefined)]
    for (const rank of [1, 2, 3]) {
      yield [`conv ${rank} ${grid}`, convSource(rank, grid)]
      yield [`conv ${rank} ${grid}, finished`, convSource(rank, grid, { formula: parse('max(x0 + x1, x2)'), kinds: 'ac' })]
      yield [`convInput ${rank} ${grid}`, convInputSource(rank, grid)]
      yield [`convKernel ${rank} ${grid}`, convKernelSource(rank, grid)]
      yield [`pick ${rank} ${grid}`, pickSource(rank, grid)]
      for (const kind of ['max', 'mean', 'index'] as const) yield [`pool ${kind} ${rank} ${grid}`, poolSource(kind, rank, grid)]
      for (const kind of ['max', 'mean'] as const)
        yield [`poolGradient ${kind} ${rank} ${grid}`, poolGradientSource(kind, rank, grid)]
    }
  }
  for (const grid of ['2', '3', 'f2'])
    for (const kind of ['rows', 'columns', 'scan'] as const) yield [`sparse ${kind} ${grid}`, sparseSource(kind, grid)]
  for (const axes of [0, 1, 2, 4])
    for (const kept of [true, false]) yield [`place ${axes} ${kept}`, placeSource(axes, kept, { dtype: 'int32' })]
  yield ['sum of parts', sumOfPartsSource()]
  yield ['random', randomSource()]
  yield ['constant', constantSource()]
  const adam = resultsOf(kernel(['w', 'm', 'v', 'g', 'rate'], { m: '0.9 * m + g', v: 'v + g * g', w: 'w - rate * m / sqrt(v)' }))
  for (const grid of ['3', 'f4']) yield [`planes ${grid}`, planesSource(adam, 'aaaac', ['float32', 'float32', 'float32'], grid)]
  yield ['planes', planesSource(adam, 'aaaac', ['float32', 'float32', 'float32'])]
}

function* elementwise(name: string, made: Kernel): Generator<[string, KernelSource]> {
  if (callsHost(made.results[0].formula)) return
  const [result] = resultsOf(made)
  for (const grid of ['1', '2', 'f4'])
    yield [`${name} ${grid}`, elementwiseSource(result, 'a'.repeat(result.reads.length), grid, 'float32')]
  for (const dtype of ['int32', 'uint8'] as const)
    yield [`${name} ${dtype}`, elementwiseSource(result, 'c'.repeat(result.reads.length), '1', dtype)]
}

function* reduction(
  name: string,
  grid: string,
  row: { init: number; step: string; finish?: string },
): Generator<[string, KernelSource]> {
  const acc: Formula = { op: 'name', name: 'acc' }
  const one = { formula: parse('x0'), kinds: 'a' }
  const step = parse(row.step)
  for (const rank of [0, 1, 2])
    yield [`${name} of ${rank}`, reduceSource(step, parse(row.finish ?? 'acc'), grid, rank, 'int32', one)]
  const combine = combineOf(row, step)
  if (!combine) return
  yield [`${name}, first stage`, reduceSource(step, acc, grid, 2, 'float32', one, 1)]
  yield [`${name}, of a formula`, reduceSource(step, acc, grid, 2, 'float32', { formula: parse('exp(x0) * x1'), kinds: 'ac' }, 0)]
  yield [`${name}, second stage`, reduceSource(combine, acc, grid, 1, 'float32', one)]
}
