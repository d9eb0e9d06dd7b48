import type { LibraryFunction } from './types.ts'

/** The error function and its inverse. */
export const errorFunction: Readonly<Record<string, LibraryFunction>> = {
  // The rational approximation of Eigen and XLA on [-4, 4]; beyond, 1 in single precision.
  f_erf: {
    text: `function f_erf(x) {
    const c = x < -4 ? -4 : x > 4 ? 4 : x;
    const z = c * c;
    const p = -0.0160960333262415 + z * (-0.00295459980854025 + z * (-0.000734990630326855 + z * (-0.0000569250639462346
      + z * (-0.00000210102402082508 + z * (2.77068142495902e-8 - z * 2.72614225801306e-10)))));
    const q = -0.0142647390514189 + z * (-0.00737332916720468 + z * (-0.00168282697438203 + z * (-0.000213374055278905
      - z * 0.0000145660718464996)));
    const y = c * p / q;
    return x < -4 ? -1 : x > 4 ? 1 : y;
  }`,
  },
  // Giles, "Approximating the erfinv function" (2010), the single precision version.
  f_erfinv: {
    text: `function f_erfinv(x) {
    const w = -f_log((1 - x) * (1 + x));
    const u = w - 2.5;
    const near = 1.50140941 + u * (0.246640727 + u * (-0.00417768164 + u * (-0.00125372503 + u * (0.00021858087
      + u * (-0.00000439150654 + u * (-0.0000035233877 + u * (3.43273939e-7 + u * 2.81022636e-8)))))));
    const v = Math.sqrt(w) - 3;
    const far = 2.83297682 + v * (1.00167406 + v * (0.00943887047 + v * (-0.0076224613 + v * (0.00573950773
      + v * (-0.00367342844 + v * (0.00134934322 + v * (0.000100950558 - v * 0.000200214257)))))));
    const y = x * (w < 5 ? near : far);
    return Math.abs(x) === 1 ? x / 0 : y;
  }`,
    uses: ['f_log'],
  },
}
