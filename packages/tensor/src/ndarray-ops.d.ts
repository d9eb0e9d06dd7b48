declare module 'ndarray-ops' {
  import type { NdArray } from 'ndarray'

  type Binary = (out: NdArray, a: NdArray, b: NdArray) => NdArray
  type Unary = (out: NdArray, a: NdArray) => NdArray
  const ops: { assign: Unary; neg: Unary; add: Binary; sub: Binary; mul: Binary; div: Binary }
  export default ops
}
