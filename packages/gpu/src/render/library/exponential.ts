import type { LibraryFunction } from './types.ts'

/** The exponential function, its inverse, and what is made of them. */
export const exponential: Readonly<Record<string, LibraryFunction>> = {
  // Drivers give e^NaN = ∞, log 0 = -88 and log(-1) = 0 (SwiftShader), so the edges are taken here.
  f_exp: { text: 'function f_exp(x) { return Math.abs(x) >= 0 ? Math.exp(x) : x; }' },
  f_log: {
    text: `function f_log(x) {
    if (x > 0) { return x < 3.4028234e38 ? Math.log(x) : x; }
    return x < 0 ? Math.sqrt(x) : -1 / (x * x);
  }`,
  },
  // Taylor's series up to 1/2, where exp(x) - 1 would cancel.
  f_expm1: {
    text: `function f_expm1(x) {
    const series = x * (1 + x / 2 * (1 + x / 3 * (1 + x / 4 * (1 + x / 5 * (1 + x / 6 * (1 + x / 7 * (1 + x / 8)))))));
    return Math.abs(x) < 0.5 ? series : f_exp(x) - 1;
  }`,
    uses: ['f_exp'],
  },
  // log(1 + x) = 2 atanh(x / (2 + x)).
  f_log1p: {
    text: `function f_log1p(x) {
    const s = x / (2 + x);
    const z = s * s;
    const series = 2 * s * (1 + z * (1 / 3 + z * (1 / 5 + z * (1 / 7 + z * (1 / 9 + z * (1 / 11 + z * (1 / 13 + z / 15)))))));
    return Math.abs(x) < 0.5 ? series : f_log(1 + x);
  }`,
    uses: ['f_log'],
  },
  // t / (t + 2) with t = e^2x - 1; from 15 on it is 1, exactly, or GELU's derivative multiplies what is missing by x³.
  f_tanh: {
    text: `function f_tanh(x) {
    const t = f_expm1(2 * (x < -15 ? -15 : x > 15 ? 15 : x));
    const y = t / (t + 2);
    return x < -15 ? -1 : x > 15 ? 1 : y;
  }`,
    uses: ['f_expm1'],
  },
  f_sinh: {
    text: `function f_sinh(x) {
    const half = f_exp(Math.abs(x) / 2);
    const t = f_expm1(Math.abs(x) < 20 ? Math.abs(x) : 20);
    const y = Math.abs(x) < 20 ? 0.5 * (t + t / (t + 1)) : 0.5 * half * half;
    return x < 0 ? -y : y;
  }`,
    uses: ['f_expm1', 'f_exp'],
  },
  f_cosh: {
    text: `function f_cosh(x) {
    const half = f_exp(Math.abs(x) / 2);
    return 0.5 * half * half + 0.5 / half / half;
  }`,
    uses: ['f_exp'],
  },
  f_asinh: {
    text: `function f_asinh(x) {
    const a = Math.abs(x);
    const small = a < 10000 ? a : 0;
    const y = a < 10000 ? f_log1p(small + small * small / (1 + Math.sqrt(small * small + 1))) : f_log(a) + 0.6931471805599453;
    return x < 0 ? -y : y;
  }`,
    uses: ['f_log1p', 'f_log'],
  },
  f_acosh: {
    text: `function f_acosh(x) {
    if (x < 1) { return Math.sqrt(x - 1); }
    const t = x < 10000 ? x - 1 : 0;
    return x < 10000 ? f_log1p(t + Math.sqrt(2 * t + t * t)) : f_log(x) + 0.6931471805599453;
  }`,
    uses: ['f_log1p', 'f_log'],
  },
  f_atanh: {
    text: `function f_atanh(x) {
    const y = 0.5 * f_log1p(2 * Math.abs(x) / (1 - Math.abs(x)));
    return x < 0 ? -y : y;
  }`,
    uses: ['f_log1p'],
  },
  // An integer exponent up to 32 multiplies, which is exact where the result is; others are e^(q log|p|).
  f_pow: {
    text: `function f_pow(p, q) {
    const n = Math.abs(q);
    const whole = Math.floor(n) === n ? 1 : 0;
    const odd = n - 2 * Math.floor(n / 2) === 1 ? 1 : 0;
    let product = 1;
    let base = Math.abs(p);
    let left = n <= 32 ? whole * n : 0;
    for (let bit = 0; bit < 6; bit++) {
      const half = Math.floor(left / 2);
      if (left - 2 * half > 0.5) { product = product * base; }
      base = base * base;
      left = half;
    }
    if (q === 0 || p === 1 || (p === -1 && n > 3.4028234e38)) { return 1; }
    if (p === 0 && q > 0) { return odd * p; }
    const positive = whole > 0.5 || p < -3.4028234e38 ? Math.abs(p) : p;
    const magnitude = whole > 0.5 && n <= 32 ? (q < 0 ? 1 / product : product) : f_exp(q * f_log(positive));
    return odd > 0.5 && p < 0 ? -magnitude : magnitude;
  }`,
    uses: ['f_exp', 'f_log'],
  },
}
