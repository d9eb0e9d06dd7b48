/**
 * Windows that move over images, each channel by itself: `writeWindows` writes the function of a kind, `writeWindowJob` says
 * what it works on, and the eager kernels bring tensors into memory and do it.
 */
export { channelwise, channelwiseInput, channelwiseKernel, pool, poolGradient, poolPick } from './eager.ts'
export { type WindowAxis, windowJobBytes, type WindowSpec, writeWindowJob } from './job.ts'
export { type WindowKind, type WindowOptions, writeWindows } from './kernels.ts'
