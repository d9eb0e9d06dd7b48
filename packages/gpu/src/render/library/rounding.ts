import type { LibraryFunction } from './types.ts'

/** Integers from floats: positions, rounding, remainders. */
export const rounding: Readonly<Record<string, LibraryFunction>> = {
  // ⌊i / n⌋ for integers up to 2^31, as long as the result is below 2^24: a float division, then an exact correction.
  f_quotient: {
    text: `function f_quotient(i, n) {
    const guess = Math.floor(i / n);
    return guess + Math.floor((i - (guess | 0) * n + 0.5) / n);
  }`,
    takes: 'Integer',
  },
  f_trunc: { text: 'function f_trunc(x) { return x < 0 ? Math.ceil(x) : Math.floor(x); }' },
  // As a typed array stores a number: the fraction is dropped; NaN and infinities become 0.
  f_int: { text: 'function f_int(x) { return Math.abs(x) < 2147483648 ? f_trunc(x) : 0; }', uses: ['f_trunc'] },
  f_uint8: {
    text: 'function f_uint8(x) { const i = f_int(x); return i - 256 * Math.floor(i / 256); }',
    uses: ['f_int'],
  },
  // From 2^23 on all floats are integers.
  f_round: {
    text: `function f_round(x) {
    const up = Math.floor(x + 0.5);
    const even = up - x === 0.5 && up - 2 * Math.floor(up / 2) > 0.5 ? up - 1 : up;
    return Math.abs(x) < 8388608 ? even : x;
  }`,
  },
  f_mod: {
    text: `function f_mod(x, y) {
    if (Math.abs(y) > 3.4028234e38 && Math.abs(x) < 3.4028234e38) { return x === 0 || x * y > 0 ? x : y; }
    const r = x - y * Math.floor(x / y);
    const low = y > 0 ? (r < 0 ? r + y : r) : r > 0 ? r + y : r;
    return y > 0 ? (low >= y ? low - y : low) : low <= y ? low - y : low;
  }`,
  },
}
