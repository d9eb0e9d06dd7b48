import { gridText, type GridText } from './grid.ts'
import { libraryFunctions, type KernelFunction } from './render/library.ts'

export type ArgumentType = 'Input' | 'Integer' | 'Float'

/** A kernel as gpu.js takes it. Sources are strings: functions would not survive minifiers and coverage tools. */
export interface KernelSource {
  readonly source: string
  /** By position; without them gpu.js would take every number for a float. */
  readonly types: readonly ArgumentType[]
  readonly functions: readonly KernelFunction[]
  /** The rank of the launch, which is fixed in a compiled kernel. */
  readonly rank: 1 | 2 | 3
  /** What may stand for the kernel's body on WebGPU. */
  readonly wgsl?: Wgsl | undefined
}

/** A kernel's body in WGSL, for the parameters and bindings that gpu.js made of its source. */
export interface Wgsl {
  readonly body: string
  readonly workgroup: readonly [number, number, number]
  /** The number of workgroups for a launch. */
  readonly groups: (dims: readonly number[]) => readonly number[]
}

/** Puts a kernel together: parameters in the order in which they are declared, then lines. */
export class KernelText {
  readonly grid: GridText
  readonly library: Set<string> = new Set()
  readonly #names: string[] = []
  readonly #types: ArgumentType[] = []
  readonly #lines: string[] = []
  readonly #functions: KernelFunction[] = []

  constructor(kind: string) {
    this.grid = gridText(kind)
    this.integers(...this.grid.sizes)
    if (this.grid.statements.length > 0) this.library.add('f_quotient')
    this.lines(...this.grid.statements)
  }

  #parameter(name: string, type: ArgumentType): void {
    this.#names.push(name)
    this.#types.push(type)
  }

  integers(...names: string[]): void {
    for (const name of names) this.#parameter(name, 'Integer')
  }

  float(name: string): void {
    this.#parameter(name, 'Float')
  }

  /** A flat array, the offset and the strides of an operand; returns the text of its position in the array. */
  operand(name: string, axes: readonly string[] = this.grid.coordinates): string {
    this.#parameter(name, 'Input')
    const strides = axes.map((_, i) => `${name}S${i}`)
    this.integers(`${name}At`, ...strides)
    return [`${name}At`, ...axes.map((at, i) => `${at} * ${strides[i]}`)].join(' + ')
  }

  lines(...lines: string[]): void {
    this.#lines.push(...lines)
  }

  /** A function of numbers that belongs to this kernel alone. */
  function(name: string, parameters: readonly string[], body: readonly string[]): void {
    const source = `function ${name}(${parameters.join(', ')}) {\n${body.map((line) => `  ${line}`).join('\n')}\n}`
    this.#functions.push({ source, settings: { name, argumentTypes: parameters.map(() => 'Number'), returnType: 'Number' } })
  }

  finish(): KernelSource {
    return {
      source: `function(${this.#names.join(', ')}) {\n${this.#lines.map((line) => `  ${line}`).join('\n')}\n}`,
      types: this.#types,
      functions: [...libraryFunctions(this.library), ...this.#functions],
      rank: this.grid.rank,
    }
  }
}
