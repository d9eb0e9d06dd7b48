/** A function in the language of gpu.js kernels. */
export interface LibraryFunction {
  readonly text: string
  /** Other functions of the library that it calls. */
  readonly uses?: readonly string[]
  /** The type of its parameters. @defaultValue `'Number'` */
  readonly takes?: 'Number' | 'Integer'
}
