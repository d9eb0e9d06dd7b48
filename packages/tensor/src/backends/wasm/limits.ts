/**
 * Numbers of elements at which the backend changes its way, measured on Zen 3 with Node 20; those of matrix products stand with
 * them. None changes a result but in the last bits of what is summed in another order.
 */
export const limits = {
  /** From here kernels are staged that JavaScript computes as fast as it copies: `+`, `max`, `select` … */
  light: 768,
  /** So many of their elements are staged at a time. */
  piece: 1 << 15,
  /** Reductions, and the positions of extremes, from which they are staged. */
  reduce: 768,
  argReduce: 1 << 9,
  /** Elements read, or added, at indices from which that is staged, if the table is no longer than so many times as much. */
  gather: 1 << 8,
  rowsReused: 4,
  /** Random numbers. */
  random: 256,
  /** From here threads share an elementwise kernel, and so much each takes at a time. */
  parallel: 1 << 15,
  grain: 1 << 13,
  /** The least that a thread takes of a reduction, of rows of softmax, of rows to sort, of windows over images. */
  reduceGrain: 1 << 15,
  softmaxGrain: 1 << 13,
  sortGrain: 1 << 12,
  windowGrain: 1 << 14,
  /** Variables of so many elements are made room for while the program is made that reads them. */
  expected: 1 << 17,
  /** Operands of products that stay in memory for the next one: from so many bytes each, up to so many bytes and operands in all. */
  copies: { from: 1 << 13, bytes: 1 << 26, count: 32 },
  /** Bytes of a copy that a thread takes at a time. */
  copyGrain: 1 << 17,
}
