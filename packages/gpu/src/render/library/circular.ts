import type { LibraryFunction } from './types.ts'

/** The circular functions and their inverses. */
export const circular: Readonly<Record<string, LibraryFunction>> = {
  // Cephes' sinf and cosf on [-π/4, π/4], after subtracting the nearest multiple of π/2 in three pieces.
  f_circular: {
    text: `function f_circular(x, shift) {
    const k = Math.floor(x * 0.6366197723675814 + 0.5);
    const r = x - k * 1.5703125 - k * 0.0004837512969970703 - k * 7.549789954891882e-8;
    const z = r * r;
    const s = r + r * z * (-0.16666654611 + z * (0.0083321608736 - z * 0.00019515295891));
    const c = 1 - 0.5 * z + z * z * (0.04166664568298827 + z * (-0.001388731625493765 + z * 0.00002443315711809948));
    const turn = k + shift - 4 * Math.floor((k + shift) / 4);
    const y = turn - 2 * Math.floor(turn / 2) > 0.5 ? c : s;
    return turn > 1.5 ? -y : y;
  }`,
  },
  f_sin: { text: 'function f_sin(x) { return f_circular(x, 0); }', uses: ['f_circular'] },
  f_cos: { text: 'function f_cos(x) { return f_circular(x, 1); }', uses: ['f_circular'] },
  f_tan: { text: 'function f_tan(x) { return f_circular(x, 0) / f_circular(x, 1); }', uses: ['f_circular'] },
  // Cephes' atanf: arguments above tan(π/8) and tan(3π/8) are turned by π/4 and π/2.
  f_atan: {
    text: `function f_atan(x) {
    const a = Math.abs(x);
    const r = a > 2.414213562373095 ? -1 / a : a > 0.4142135623730951 ? (a - 1) / (a + 1) : a;
    const z = r * r;
    const p = r + r * z * (-0.333329491539 + z * (0.199777106478 + z * (-0.138776856032 + z * 0.0805374449538)));
    const y = p + (a > 2.414213562373095 ? 1.5707963267948966 : a > 0.4142135623730951 ? 0.7853981633974483 : 0);
    return x < 0 ? -y : y;
  }`,
  },
  f_atan2: {
    text: `function f_atan2(y, x) {
    if (x === 0 && y === 0) { return 0; }
    if (Math.abs(x) > 3.4028234e38 && Math.abs(y) > 3.4028234e38) {
      return (y > 0 ? 0.7853981633974483 : -0.7853981633974483) * (x > 0 ? 1 : 3);
    }
    const t = f_atan(x === 0 ? (y > 0 ? 1e30 : y < 0 ? -1e30 : y) : y / x);
    return x >= 0 ? t : y < 0 ? t - 3.141592653589793 : t + 3.141592653589793;
  }`,
    uses: ['f_atan'],
  },
  f_asin: {
    text: 'function f_asin(x) { return f_atan2(x, Math.sqrt((1 - x) * (1 + x))); }',
    uses: ['f_atan2'],
  },
  f_acos: {
    text: 'function f_acos(x) { return f_atan2(Math.sqrt((1 - x) * (1 + x)), x); }',
    uses: ['f_atan2'],
  },
}
