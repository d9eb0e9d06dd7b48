/** What an operator of ONNX is here: attributes, which are read when a file is loaded, and then a function of tensors. */
import { formatShape, type Shape, type Tensor } from '@typegrad/tensor'
import type { AttributeValue, DecodedNode, Stored } from '../decode.ts'

/** What a node computes; an input that is left out is `undefined`, of those that an operator does not insist on. */
export type Run = (inputs: readonly Tensor[]) => Tensor | readonly Tensor[]

export interface Operator {
  /** How many inputs there are at least, and at most. */
  readonly least: number
  readonly most: number
  /** Reads the attributes. @throws {@link Unsupported} */
  readonly make: (attributes: Attributes) => Run
}

/** Why a node cannot be run. */
export class Unsupported extends Error {}

export const operator = (least: number, most: number, make: (attributes: Attributes) => Run): Operator => ({ least, most, make })

/** An operator without attributes. */
export const plain = (inputs: number, run: Run): Operator => operator(inputs, inputs, () => run)

/** The attributes of a node. Those that nobody has asked for are not known. */
export class Attributes {
  /** The version of the operators that the file is written in. */
  readonly version: number
  readonly node: DecodedNode
  readonly #constant: (stored: Stored) => Tensor
  readonly #read = new Set<string>()
  #outputsRead = false

  constructor(node: DecodedNode, version: number, constant: (stored: Stored) => Tensor) {
    this.node = node
    this.version = version
    this.#constant = constant
  }

  #value(name: string): AttributeValue | undefined {
    this.#read.add(name)
    return this.node.attributes.get(name)
  }

  number(name: string): number | undefined
  number(name: string, fallback: number): number
  number(name: string, fallback?: number): number | undefined {
    const value = this.#value(name) ?? fallback
    if (value !== undefined && typeof value !== 'number') throw new Unsupported(`the attribute ${name} is no number`)
    return value
  }

  /** A number that means yes or no. */
  flag(name: string, fallback = false): boolean {
    return this.number(name, Number(fallback)) !== 0
  }

  numbers(name: string): readonly number[] | undefined {
    const value = this.#value(name)
    if (value === undefined) return undefined
    if (!Array.isArray(value) || value.some((one) => typeof one !== 'number'))
      throw new Unsupported(`the attribute ${name} is no list of numbers`)
    return value as readonly number[]
  }

  text(name: string, fallback: string): string {
    const value = this.#value(name) ?? fallback
    if (typeof value !== 'string') throw new Unsupported(`the attribute ${name} is no text`)
    return value
  }

  texts(name: string): readonly string[] | undefined {
    const value = this.#value(name)
    if (value === undefined) return undefined
    if (!Array.isArray(value)) throw new Unsupported(`the attribute ${name} is no list of texts`)
    return value.map(String)
  }

  /** One of several names. */
  oneOf<T extends string>(name: string, known: readonly T[], fallback: T): T {
    const value = this.text(name, fallback)
    this.need((known as readonly string[]).includes(value), `${name} '${value}'`)
    return value as T
  }

  tensor(name: string): Tensor | undefined {
    const value = this.#value(name)
    if (value === undefined) return undefined
    if (typeof value !== 'object' || !('bytes' in value)) throw new Unsupported(`the attribute ${name} is no tensor`)
    return this.#constant(value)
  }

  /** Whether the result at a position is asked for. */
  wants(output: number): boolean {
    this.#outputsRead = true
    return Boolean(this.node.outputs[output])
  }

  need(condition: boolean, why: string): void {
    if (!condition) throw new Unsupported(why)
  }

  /** Throws for attributes and outputs that the operator knows nothing of. */
  finish(): void {
    const unknown = [...this.node.attributes.keys()].filter((name) => !this.#read.has(name))
    this.need(unknown.length === 0, `the attribute ${unknown.join(', ')}`)
    this.need(this.#outputsRead || this.node.outputs.slice(1).every((name) => name === ''), 'a second output')
  }
}

const files = new WeakMap<Tensor, Tensor>()

/** Says what a weight was in the file: shapes and axes among them are read from there, also while a function is compiled. */
export const remember = (weight: Tensor, value: Tensor): unknown => files.set(weight, value)

/** The numbers of a tensor that says a shape, axes and the like. */
export const numbersOf = (x: Tensor): number[] => [...(files.get(x) ?? x).toTypedArray()]

/** The only number of a tensor. */
export const numberOf = (x: Tensor): number => (files.get(x) ?? x).item()

export const range = (n: number, from = 0): number[] => Array.from({ length: n }, (_, i) => from + i)

/** A list with as many elements as there are axes. */
export function perAxis(op: string, name: string, values: readonly number[] | undefined, n: number, fallback: number): number[] {
  if (values === undefined) return range(n).map(() => fallback)
  if (values.length !== n) throw new Unsupported(`${name} ${formatShape(values)} for ${n} axes of ${op}`)
  return [...values]
}

/** A shape with axes of length 1 before it, so that there are `rank`. */
export const aligned = (shape: Shape, rank: number): number[] => [...range(rank - shape.length).map(() => 1), ...shape]
