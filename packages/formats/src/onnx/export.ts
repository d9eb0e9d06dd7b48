/** Models for ONNX runtimes: layer by layer, for inference, with any batch size. */
import type { AnyLayer, SymbolicShape, SymbolicTensor } from '@typegrad/layers'
import { classNameOf } from '@typegrad/layers/internals'
import { Model, Sequential } from '@typegrad/model'
import { ValueError, type DType, type Shape } from '@typegrad/tensor'
import { refuse } from '../errors.ts'
import { Builder } from './builder.ts'
import { Unsayable } from './converters/converter.ts'
import { converters } from './converters/index.ts'
import { encodeModel, type OnnxValue } from './proto.ts'

/** Layers that TimeDistributed may hold: what they do with one step is what they do with all at once. */
const stepwise = new Set(['Dense', 'Activation', 'ReLU', 'LeakyReLU', 'ELU', 'Dropout', 'GaussianNoise', 'Rescaling'])

class Export {
  readonly builder = new Builder()
  readonly problems: string[] = []

  /** The values that a layer makes of others. */
  layer(layer: AnyLayer, inputs: readonly string[], shapes: readonly SymbolicShape[]): string[] {
    if (layer instanceof Model) return this.model(layer, inputs)
    const name = classNameOf(layer)
    const { layer: within } = layer as unknown as { layer: AnyLayer }
    // What it does to the kernel is done in training only.
    if (name === 'SpectralNormalization') return this.layer(within, inputs, shapes)
    if (name === 'TimeDistributed' && stepwise.has(classNameOf(within))) return this.layer(within, inputs, shapes)
    try {
      if (name === 'TimeDistributed') return this.steps(within, inputs, shapes[0])
      const convert = Object.hasOwn(converters, name) ? converters[name] : undefined
      if (!convert) throw new Unsayable(`ONNX export knows no layer of class ${name}`)
      const call = { name: layer.name, config: layer.getConfig(), shape: shapes[0], shapes }
      return [convert(this.builder, inputs, layer, call)].flat()
    } catch (error) {
      if (!(error instanceof Unsayable)) throw error
      const problem = `layer '${layer.name}': ${error.message}`
      if (!this.problems.includes(problem)) this.problems.push(problem)
      return inputs.slice(0, 1)
    }
  }

  /** A layer on each step: on all at once, as samples. */
  steps(layer: AnyLayer, [x]: readonly string[], [, , ...sample]: SymbolicShape): string[] {
    if (sample.includes(null)) throw new Unsayable('steps whose size is not known')
    const g = this.builder
    const one: SymbolicShape = [null, ...sample]
    const [y] = this.layer(layer, [g.add('Reshape', [x, g.integers([-1, ...(sample as Shape)])])], [one])
    const after = (layer.computeOutputShape(one) as SymbolicShape).slice(1) as Shape
    const shape = g.add('Concat', [g.add('Shape', [x], { start: 0, end: 2 }), g.integers(after)], { axis: 0 })
    return [g.add('Reshape', [y, shape])]
  }

  /** The outputs of a model on inputs. */
  model(model: Model, inputs: readonly string[]): string[] {
    if (model instanceof Sequential) {
      let shape = model.builtShape as SymbolicShape
      let values = [...inputs]
      for (const layer of model.layers) {
        values = this.layer(layer, values, [shape])
        shape = layer.computeOutputShape(shape) as SymbolicShape
      }
      return values
    }
    const known = new Map<SymbolicTensor, string>(endsOf(model, 'inputs').map((input, i) => [input, inputs[i]]))
    const valueOf = (tensor: SymbolicTensor): string => {
      const found = known.get(tensor)
      if (found !== undefined) return found
      const { layer, inputs: given, outputs, context } = tensor.node!
      const further = Object.entries(context ?? {}).filter(
        ([, value]) => value !== undefined && value !== null && value !== false,
      )
      if (further.length > 0)
        this.problems.push(`layer '${layer.name}': the argument ${further.map(([key]) => key).join(', ')} of its call`)
      const values = this.layer(
        layer,
        given.map(valueOf),
        given.map(({ shape }) => shape),
      )
      outputs.forEach((output, i) => known.set(output, values[i] ?? values[0]))
      return known.get(tensor)!
    }
    return endsOf(model, 'outputs').map(valueOf)
  }
}

/** The symbolic inputs or outputs of a functional model. */
function endsOf(model: Model, which: 'inputs' | 'outputs'): readonly SymbolicTensor[] {
  if (!model.options[which])
    throw new ValueError(
      `exportOnnx: '${model.name}' is a subclass of Model; only Sequential and functional models say what they do`,
    )
  return model[which]
}

/** Names, with a number where one was there before. */
function unique(names: readonly string[]): string[] {
  const taken = new Set<string>()
  return names.map((name) => {
    let free = name
    for (let i = 1; taken.has(free); i++) free = `${name}_${i}`
    taken.add(free)
    return free
  })
}

/** The bytes of the file; see `encodeOnnx`. */
export function encode(model: Model): Uint8Array {
  if (!model.built)
    throw new ValueError(`exportOnnx: model '${model.name}' has no weights yet; begin it with an Input, or call it on data once`)
  const sequential = model instanceof Sequential
  const shapes = sequential ? [model.builtShape as SymbolicShape] : endsOf(model, 'inputs').map(({ shape }) => shape)
  // Strings are refused with the layers that take them.
  const dtypes = model.entrances.map(({ input }) => input.dtype as DType)
  const results = sequential ? [model.computeOutputShape(shapes[0])] : endsOf(model, 'outputs').map(({ shape }) => shape)
  const inputs = model.inputNames.map((name, i): OnnxValue => ({ name, dtype: dtypes[i], shape: [null, ...shapes[i].slice(1)] }))
  const made = new Export()
  const values = made.model(
    model,
    inputs.map(({ name }) => name),
  )
  refuse(`exportOnnx: ONNX cannot say all of the model '${model.name}'`, made.problems)
  const names = unique([...model.inputNames, ...model.outputNames]).slice(inputs.length)
  const outputs = names.map((name, i): OnnxValue => {
    made.builder.nodes.push({ op: 'Identity', name: `output_${i}`, inputs: [values[i]], outputs: [name], attributes: {} })
    return { name, dtype: 'float32', shape: [null, ...results[i].slice(1)] }
  })
  const { nodes, constants } = made.builder
  return encodeModel({ name: model.name, nodes, constants, inputs, outputs })
}
