/** The operators that are known, by ONNX' names. */
import { elementwise } from './elementwise.ts'
import { movement } from './movement.ts'
import type { Operator } from './operator.ts'
import { recurrence } from './recurrent.ts'
import { reductions } from './reductions.ts'
import { windows } from './windows.ts'

export const operators: Readonly<Record<string, Operator>> = {
  ...elementwise,
  ...movement,
  ...reductions,
  ...windows,
  ...recurrence,
}
