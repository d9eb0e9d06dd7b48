/**
 * Matrix products: `writeGemm` writes the function (`buildGemm` a module of it), `writeGemmJob` says what to multiply,
 * `gemm(job, begin, end, scratch)` does it.
 */
export { buildGemm, gemmKernel, writeGemm } from './gemm.ts'
export { type BatchAxis, gemmJobBytes, type GemmSpec, limits, type Operand, type Patches, writeGemmJob } from './plan.ts'
export { jobWords } from './job.ts'
export { type Activation, type GemmOptions, type Left, type Real, relu } from './real.ts'
export { blockDepth, gemmScratchBytes } from './rectangle.ts'
