import { allocate } from '../../memory.ts'
import type { Backend } from '../backend.ts'
import { conv, convInput, convKernel } from './conv.ts'
import { copy, elementwise } from './elementwise.ts'
import { gather, scatterAdd } from './indexing.ts'
import { matmul, softmax, sparseMatmul } from './linear.ts'
import { pool, poolGradient, poolPick } from './pool.ts'
import { random } from './random.ts'
import { argReduce, reduce, scan } from './reduce.ts'
import { argsort } from './sort.ts'

/** The readable reference: plain loops and ndarray-ops, computing in double precision. */
export const cpu: Backend = {
  name: 'cpu',
  device: 'host',
  allocate,
  elementwise,
  copy,
  reduce,
  argReduce,
  matmul,
  sparseMatmul,
  softmax,
  gather,
  scatterAdd,
  scan,
  argsort,
  conv,
  convInput,
  convKernel,
  pool,
  poolGradient,
  poolPick,
  random,
  host: (_, inputs, out, compute) => compute(inputs, out),
}
