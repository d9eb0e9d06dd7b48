/** Matrix products: `buildGemm` makes the module, `writeGemmJob` says what to multiply, `gemm(job, begin, end, scratch)` does it. */
export { buildGemm } from './gemm.ts'
export { type BatchAxis, gemmJobBytes, type GemmSpec, limits, type Operand, writeGemmJob } from './plan.ts'
export { type Activation, type GemmOptions, type Real, relu } from './real.ts'
export { blockDepth, gemmScratchBytes } from './rectangle.ts'
