import { Tensor, type Backend, type TypedArray } from '@typegrad/tensor'
import { NotRecorded, type Engine } from './engine.ts'
import { hostOp } from './host-op.ts'
import { argReduce } from './kernels/arg-reduce.ts'
import { argsort } from './kernels/argsort.ts'
import { conv, convInput, convKernel } from './kernels/conv.ts'
import { contiguous, copy } from './kernels/copy.ts'
import { elementwise } from './kernels/elementwise.ts'
import { gather } from './kernels/gather.ts'
import { matmul, matmulAdd } from './kernels/matmul.ts'
import { pool, poolGradient, poolPick } from './kernels/pool.ts'
import { random } from './kernels/random.ts'
import { reduce } from './kernels/reduce.ts'
import { scan } from './kernels/scan.ts'
import { scatterAdd } from './kernels/scatter-add.ts'
import { softmax } from './kernels/softmax.ts'
import { sparseMatmul } from './kernels/sparse.ts'
import { operand } from './operand.ts'
import { GpuProgram } from './program/program.ts'
import { arrayOf, hostBuffer } from './tensor.ts'

/** The backend `gpu` on an engine. */
export function gpuBackend(engine: Engine): Backend {
  const op =
    <Args extends unknown[]>(kernel: (engine: Engine, ...args: Args) => void) =>
    (...args: Args): void =>
      engine.op(() => kernel(engine, ...args))
  const backend: Backend = {
    name: 'gpu',
    device: 'gpu',
    allocate: (dtype, size) => ({ buffer: engine.allocate(dtype, size), offset: 0 }),
    elementwise: op(elementwise),
    copy: op(copy),
    reduce: op(reduce),
    argReduce: op(argReduce),
    matmul: op<[Tensor, Tensor, Tensor]>(matmul),
    matmulAdd: op(matmulAdd),
    sparseMatmul: op(sparseMatmul),
    softmax: op(softmax),
    gather: op(gather),
    scatterAdd: op(scatterAdd),
    scan: op(scan),
    argsort: op(argsort),
    random: op(random),
    conv: op(conv),
    convInput: op(convInput),
    convKernel: op(convKernel),
    pool: op(pool),
    poolGradient: op(poolGradient),
    poolPick: op(poolPick),
    host: (name, inputs, out, compute) => engine.op(() => hostOp(engine, name, inputs, [out], (_, xs, [y]) => compute(xs, y))),
    read: (x) => read(engine, x),
    scope: (f) => engine.inScope(f),
    program(graph) {
      try {
        return new GpuProgram(engine, backend, graph)
      } catch (error) {
        if (error instanceof NotRecorded) return undefined
        throw error
      }
    },
  }
  return backend
}

/** The elements of x in row-major order; views without gaps are read where they lie, others are gathered on the device. */
async function read(engine: Engine, x: Tensor): Promise<TypedArray> {
  if (x.size === 0) return arrayOf(x.dtype, [])
  const cell = engine.cellOf(x)
  if (x.dtype === 'float64') {
    const array = cell.written ? await engine.hostData(cell) : new Float64Array(cell.length)
    return new Tensor(hostBuffer(array), x.layout, x.dtype).toTypedArray()
  }
  let data: Promise<Float32Array> | undefined
  engine.op(() => {
    const from = contiguous(engine, operand(engine, x))
    data = engine.read(from.cell, from.offset, x.size)
  })
  const read = await data!
  return x.dtype === 'float32' ? read : arrayOf(x.dtype, read)
}
