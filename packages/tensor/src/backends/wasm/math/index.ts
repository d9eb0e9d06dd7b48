import * as arc from './arc.ts'
import * as area from './area.ts'
import { basic } from './basic.ts'
import * as erf from './erf.ts'
import { exp, exp2 } from './exp.ts'
import * as hyperbolic from './hyperbolic.ts'
import { integers } from './integer.ts'
import { double, type Row, single, type Writer } from './lanes.ts'
import { log, log1p } from './log.ts'
import { mod } from './mod.ts'
import { pow } from './pow.ts'
import * as trig from './trig.ts'

export { type Graph, graphOf, is, isNumber, type LaneType, type Node } from './graph.ts'
export { type Arithmetic, double, type Lanes, single, Site, type Vector, type Writer } from './lanes.ts'

const rows: Readonly<Record<string, Row>> = {
  exp,
  '@exp2': exp2,
  log,
  log1p,
  pow,
  mod,
  ...hyperbolic,
  ...trig,
  ...arc,
  ...area,
  ...erf,
}

const column = (type: keyof Row): Record<string, Writer> =>
  Object.fromEntries(Object.entries(rows).map(([name, row]) => [name, row[type]]))

/** Has the function more than a few instructions? */
export const isLong = (fn: string): boolean => Object.hasOwn(rows, fn)

/** The functions of the formula language by the type of the lanes, but for those that make or take truth values. */
export const mathematics: Readonly<Record<keyof Row | 'i32x4', Readonly<Record<string, Writer>>>> = {
  f32x4: { ...basic(single), ...column('f32x4') },
  f64x2: { ...basic(double), ...column('f64x2') },
  i32x4: integers,
}
