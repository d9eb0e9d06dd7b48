/**
 * Arbitraries for property-based tests with fast-check: shapes that broadcast, arrays in every layout (transposed, with steps and gaps,
 * backwards, stride 0, an offset) and the numbers where arithmetic goes wrong; and the obvious array to compare with.
 *
 * ```ts
 * fc.assert(fc.property(anyArray(), anyDType, (array, dtype) => {
 *   const x = build(array, dtype)
 *   expect(myOp(x).toTypedArray()).toEqual(myOp(dense(array.shape, plainOf(array, dtype).values, dtype)).toTypedArray())
 * }))
 * ```
 */
export * from './arrays.ts'
export * from './plain.ts'
