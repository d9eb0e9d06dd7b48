/**
 * Convolution as products of matrices: `patchMatrix` says where the patches of images lie, `…Product` what is to be multiplied,
 * for `writeGemm` and `writeGemmJob`; the eager kernels bring tensors into memory and do it.
 */
export { conv, convInput, convKernel } from './eager.ts'
export { type AxisShape, phasesOf, windowsAxis } from './geometry.ts'
export { type Channels, forwardProduct, inputProduct, kernelProduct, leftOf, partsOf, patchMatrix } from './product.ts'
