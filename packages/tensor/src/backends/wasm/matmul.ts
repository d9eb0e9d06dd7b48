import type { Tensor } from '../../tensor.ts'
import { gemmJobBytes, gemmKernel, writeGemmJob, type BatchAxis, type GemmSpec, type Left } from './gemm/index.ts'
import type { Runner, Runtime } from './runtime.ts'
import { bring, stageSpan, target, unstage, type Real } from './stage.ts'

/**
 * A batched matrix product of floats through the packed kernel, plus a bias for each column; transposes and slices are read where they
 * lie.
 */
export function matmul(runtime: Runtime, a: Tensor, b: Tensor, out: Tensor, type: Real, bias?: Tensor): void {
  runtime.begin()
  const [x, y] = [stageSpan(runtime, a, type), stageSpan(runtime, b, type)]
  const added = bias && { address: bring(runtime, bias, type), stride: 1 }
  const c = target(runtime, out, type)
  const rank = out.rank
  const batch: BatchAxis[] = []
  for (let axis = 0; axis < rank - 2; axis++) {
    batch.push({ size: out.shape[axis], a: x.strides[axis], b: y.strides[axis], c: out.layout.strides[axis] })
  }
  const [m, n, k] = [out.shape[rank - 2], out.shape[rank - 1], a.shape[rank - 1]]
  const spec = {
    m,
    n,
    k,
    a: { address: x.address, rowStride: x.strides[rank - 2], columnStride: x.strides[rank - 1] },
    b: { address: y.address, rowStride: y.strides[rank - 2], columnStride: y.strides[rank - 1] },
    c: { address: c, rowStride: n },
    bias: added,
    batch,
  }
  multiplyInto(runtime, spec, out, type)
}

/**
 * Runs a product whose C is all of `out`, or what is to be copied there: what threads have done, while others go on. Of large results of
 * little depth a sixth of the time is the copy.
 */
export function multiplyInto(runtime: Runner, spec: GemmSpec, out: Tensor, type: Real, left?: Left): void {
  const job = runtime.job(gemmJobBytes(spec))
  const split = writeGemmJob(runtime.i32, job, type, spec, runtime.threads().count)
  const kernel = gemmKernel(runtime, type, left)
  const { begin } = split
  const { address } = spec.c
  if (begin) runtime.run(kernel, job, split, (from, to) => unstage(runtime, address, out, type, begin(from), begin(to)))
  else {
    runtime.run(kernel, job, split)
    unstage(runtime, address, out, type)
  }
}
