import { v128 } from '../assembler/index.ts'
import type { Arithmetic, Writer } from './lanes.ts'

/** What is an instruction or a few of them, in the arithmetic of a float type. */
export const basic = ({ add, sub, mul, div, select, flip, signOf, gt, eq, ...ops }: Arithmetic) =>
  ({
    '+': (_, a, b) => add(a, b),
    '-': (_, a, b) => sub(a, b),
    '*': (_, a, b) => mul(a, b),
    '/': (_, a, b) => div(a, b),
    neg: (_, a) => ops.neg(a),
    abs: (_, a) => ops.abs(a),
    // -1, 1, or a itself, which is ±0 or NaN.
    sign: (_, a) => select(gt(ops.abs(a), 0), flip(1, signOf(a)), a),
    floor: (_, a) => ops.floor(a),
    ceil: (_, a) => ops.ceil(a),
    trunc: (_, a) => ops.trunc(a),
    round: (_, a) => ops.nearest(a),
    sqrt: (_, a) => ops.sqrt(a),
    min: (_, a, b) => ops.min(a, b),
    max: (_, a, b) => ops.max(a, b),
    '@pmin': (_, a, b) => ops.pmin(a, b),
    '@pmax': (_, a, b) => ops.pmax(a, b),
    // 0 where a is 0, whatever b is.
    flow: (_, a, b) => v128.andnot(mul(a, b), eq(a, 0)),
  }) satisfies Readonly<Record<string, Writer>>
