import type { LayerConfig, SymbolicShape } from '@typegrad/layers'
import { tensor, type Tensor } from '@typegrad/tensor'
import type { Attribute, OnnxNode } from './proto.ts'

/** A layer as the converters see it. */
export interface Call {
  readonly name: string
  /** Keras' config. */
  readonly config: LayerConfig
  /** The shape of the first input. */
  readonly shape: SymbolicShape
  /** The shapes of all inputs. */
  readonly shapes: readonly SymbolicShape[]
}

/** Collects the nodes of a graph; values go by name. */
export class Builder {
  readonly nodes: OnnxNode[] = []
  readonly constants = new Map<string, Tensor | BigInt64Array>()
  #count = 0

  #name(of: string): string {
    return `${of}_${this.#count++}`
  }

  /** The result of an operator. */
  add(op: string, inputs: readonly string[], attributes: Readonly<Record<string, Attribute>> = {}): string {
    return this.several(op, inputs, 1, attributes)[0]
  }

  /** The results of an operator. */
  several(op: string, inputs: readonly string[], count: number, attributes: Readonly<Record<string, Attribute>> = {}): string[] {
    const name = this.#name(op)
    const outputs = Array.from({ length: count }, (_, i) => (i === 0 ? name : `${name}_${i}`))
    this.nodes.push({ op, name, inputs, outputs, attributes })
    return outputs
  }

  /** A tensor that is part of the file. */
  constant(value: Tensor): string {
    const name = this.#name('constant')
    this.constants.set(name, value)
    return name
  }

  /** A number that every element meets. */
  number(value: number): string {
    return this.constant(tensor([value]).reshape([]))
  }

  /** Shapes, axes and the like. */
  integers(values: readonly number[]): string {
    const name = this.#name('integers')
    this.constants.set(name, BigInt64Array.from(values, BigInt))
    return name
  }
}
