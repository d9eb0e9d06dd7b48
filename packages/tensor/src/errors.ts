/**
 * The errors that typegrad throws. A message reads `<op>: <what was given>, <what is wrong>` and, where it helps,
 * what to do; `details` holds the operands, for programs.
 */
export class TypegradError extends Error {
  readonly details: Readonly<Record<string, unknown>>

  constructor(message: string, details: Record<string, unknown> = {}) {
    super(message)
    this.name = new.target.name
    this.details = details
  }
}

/** Shapes, ranks or axes that do not fit. */
export class ShapeError extends TypegradError {}

/** A dtype that an op is not defined for, or a value that a dtype cannot hold. */
export class DTypeError extends TypegradError {}

/** An argument outside its allowed values. */
export class ValueError extends TypegradError {}

/** An index or a label outside the axis that it points into. */
export class IndexError extends TypegradError {}

/** A gradient was asked for where none is defined. */
export class GradientError extends TypegradError {}

/** A backend that is missing, cannot start or cannot do what was asked. */
export class BackendError extends TypegradError {}

/** A device is gone, and with it all that lay on it. */
export class DeviceLostError extends BackendError {}

/** A function that is compiled does what only a function that runs each time can do, such as reading the numbers of a tensor. */
export class TraceError extends TypegradError {}

/** A value as an error names it: `the string "adam"`, `an object of class Date`, `0.1`. */
export function describe(value: unknown): string {
  if (typeof value === 'string') return `the string ${JSON.stringify(value)}`
  if (Array.isArray(value)) return `a list of ${value.length}`
  if (typeof value === 'object' && value !== null) return `an object of class ${value.constructor?.name ?? 'null'}`
  return typeof value === 'number' || typeof value === 'boolean' || value === null ? String(value) : typeof value
}
