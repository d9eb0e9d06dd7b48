/** What is mutated, and the tests that must notice. */
export const targets: Readonly<Record<string, readonly string[]>> = {
  'packages/tensor/src/shape.ts': ['test/tensor/shape.test.ts', 'test/tensor/errors.test.ts'],
  'packages/tensor/src/layout.ts': ['test/tensor/shape.test.ts', 'test/tensor/views.test.ts', 'test/tensor/errors.test.ts'],
  'packages/tensor/src/formula/differentiate.ts': ['test/tensor/formula.test.ts', 'test/autograd/kinks.test.ts'],
  'packages/tensor/src/formula/special.ts': ['test/tensor/formula.test.ts'],
  'packages/tensor/src/formula/gamma.ts': ['test/tensor/formula.test.ts', 'test/tensor/numpy.test.ts'],
  'packages/tensor/src/ops/reduce.ts': [
    'test/tensor/errors.test.ts',
    'test/tensor/reductions.test.ts',
    'test/autograd/kinks.test.ts',
  ],
  'packages/tensor/src/ops/scan.ts': ['test/tensor/errors.test.ts', 'test/tensor/numpy.test.ts', 'test/tensor/gradients.test.ts'],
  'packages/tensor/src/linalg/solve.ts': [
    'test/tensor/errors.test.ts',
    'test/tensor/numpy.test.ts',
    'test/tensor/array-ops.test.ts',
  ],
  'packages/autograd/src/tape.ts': [
    'test/autograd/grad.test.ts',
    'test/autograd/gradient-tape.test.ts',
    'test/autograd/custom-gradient.test.ts',
    'test/autograd/transforms.test.ts',
    'test/model/debug-nan.test.ts',
  ],
}
