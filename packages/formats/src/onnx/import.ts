/** Models of ONNX files, to run. */
import { FormatError } from '@typegrad/data'
import type { CallContext, LayerConfig, SymbolicShape } from '@typegrad/layers'
import { Model, type LoadSource } from '@typegrad/model'
import { formatShape, optionsOf, ShapeError, ValueError, type DType, type Tensor } from '@typegrad/tensor'
import { refuse } from '../errors.ts'
import { nameOf, readAll, withBytes, type ReadOptions } from '../files/files.ts'
import { decodeModel, dtypeOf, type DecodedModel, type DecodedValue, type Fail, type Stored } from './decode.ts'
import { graphOf, type Graph } from './graph.ts'

/** An input or output of an ONNX model; a length that the file leaves open is `null`, and so is a shape of which nothing is said. */
export interface OnnxTensorInfo {
  readonly name: string
  readonly dtype: DType
  readonly shape: SymbolicShape | null
}

export interface LoadOnnxOptions extends ReadOptions {
  /**
   * Where the weights lie that the file says are in files of their own (`model.onnx.data`), by the name that it calls them.
   * @defaultValue the files of these names beside the model
   */
  readonly externalData?: Readonly<Record<string, LoadSource>>
}

/**
 * The graph of an ONNX file as a model: `predict`, `apply`, `compile` and `toModule` take it as they take others, and it may be a
 * layer of another model. Its weights are variables under their names in the file, and trained if their `trainable` is set to `true`.
 */
export class OnnxModel extends Model {
  readonly #graph: Graph
  readonly #inputs: readonly OnnxTensorInfo[]
  readonly #outputs: readonly OnnxTensorInfo[]
  /** Inputs have the dtype that the file says. */
  protected override readonly autocast = false

  /** @internal */
  constructor(graph: Graph, inputs: readonly OnnxTensorInfo[], outputs: readonly OnnxTensorInfo[]) {
    super()
    this.#graph = graph
    this.#inputs = inputs
    this.#outputs = outputs
    // Like every weight, they are registered by being properties; names that are taken get a line before them.
    for (const [name, weight] of graph.weights) {
      let key = name
      while (key in this) key = `_${key}`
      Object.defineProperty(this, key, { value: weight, enumerable: true, writable: true, configurable: true })
    }
    const shapes = inputs.map(({ shape }) => shape ?? [null])
    this.builtShape = shapes.length === 1 ? shapes[0] : shapes
  }

  /** What the model takes. */
  get inputInfo(): readonly OnnxTensorInfo[] {
    return this.#inputs
  }

  /** What the model gives. */
  get outputInfo(): readonly OnnxTensorInfo[] {
    return this.#outputs
  }

  override get inputNames(): string[] {
    return this.#inputs.map(({ name }) => name)
  }

  override get outputNames(): string[] {
    return this.#outputs.map(({ name }) => name)
  }

  override call(inputs: Tensor | readonly Tensor[], _context: CallContext): any {
    const given = (Array.isArray(inputs) ? inputs : [inputs]) as readonly Tensor[]
    if (given.length !== this.#inputs.length)
      throw new ValueError(`OnnxModel: ${given.length} inputs, expected ${this.#inputs.length}: ${this.inputNames.join(', ')}`)
    const named = this.#inputs.map(({ name, dtype, shape }, i): [string, Tensor] => {
      const x = given[i]
      if (shape && (x.rank !== shape.length || shape.some((length, axis) => length !== null && length !== x.shape[axis])))
        throw new ShapeError(`OnnxModel: the input '${name}' is ${formatShape(x.shape)}, the file says ${formatShape(shape)}`, {
          given: x.shape,
          expected: shape,
        })
      return [name, x.cast(dtype)]
    })
    const results = this.#graph.run(new Map(named))
    const outputs = this.#outputs.map(({ name }) => results.get(name)!)
    return outputs.length === 1 ? outputs[0] : outputs
  }

  override computeOutputShape(): SymbolicShape | SymbolicShape[] {
    const shapes = this.#outputs.map(({ shape }) => shape ?? [null])
    return shapes.length === 1 ? shapes[0] : shapes
  }

  override getConfig(): LayerConfig {
    throw new ValueError(
      `save: '${this.name}' is the graph of an ONNX file, which Keras' config cannot say; keep that file, and its weights by saveWeights`,
    )
  }
}

function infoOf(value: DecodedValue, which: string, problems: string[]): OnnxTensorInfo {
  const dtype = value.type === undefined ? undefined : dtypeOf(value.type)
  if (dtype === undefined)
    problems.push(`the ${which} '${value.name}' is ${value.type === undefined ? 'no tensor' : `of the type ${value.type}`}`)
  const shape = value.shape?.map((length) => (typeof length === 'number' ? length : null))
  return { name: value.name, dtype: dtype ?? 'float32', shape: shape ?? null }
}

/** The model in the bytes of an ONNX file. */
function modelOf(decoded: DecodedModel, what: string, fail: Fail): OnnxModel {
  const constants = new Set(decoded.constants.map(({ name }) => name))
  // Older files list weights among the inputs.
  const given = decoded.inputs.filter(({ name }) => !constants.has(name))
  const { graph, problems } = graphOf(decoded, fail)
  const found = [...problems]
  const inputs = given.map((value) => infoOf(value, 'input', found))
  const outputs = decoded.outputs.map((value) => infoOf(value, 'output', found))
  const names = [...inputs, ...outputs].map(({ name }) => name)
  if (given.length === 0) found.push('a graph without inputs')
  if (outputs.length === 0) throw fail('it has no output')
  if (new Set(inputs.map(({ name }) => name)).size < inputs.length)
    throw fail(`two inputs are called the same: ${names.join(', ')}`)
  refuse(`${what} holds what is not supported`, found)
  return new OnnxModel(graph, inputs, outputs)
}

/** The weights that lie in other files. */
async function withExternal(
  decoded: DecodedModel,
  source: LoadSource,
  { externalData = {} }: LoadOnnxOptions,
  fail: Fail,
): Promise<DecodedModel> {
  const fetched = async (stored: Stored): Promise<Stored> => {
    if (!stored.external) return stored
    const { location, offset, length } = stored.external
    const place = Object.hasOwn(externalData, location) ? externalData[location] : siblingOf(source, location, fail)
    const bytes = await withBytes(place, 'loadOnnx', async (file) => {
      const end = length === undefined ? file.size : offset + length
      if (end > file.size || offset > end) throw fail(`the weight '${stored.name}' lies outside of '${location}'`)
      return file.read(offset, end)
    })
    return { ...stored, bytes }
  }
  return { ...decoded, constants: await Promise.all(decoded.constants.map(fetched)) }
}

/** The file of a name beside another. No path in a model file leads elsewhere. */
function siblingOf(source: LoadSource, location: string, fail: Fail): string {
  if (typeof source !== 'string' && !(source instanceof URL))
    throw fail(`weights lie in '${location}': say where that is, { externalData: { '${location}': … } }`)
  if (/[/\\]|^\.\.?$/.test(location))
    throw fail(`weights lie in '${location}', which is not beside the model: say where that is in externalData`)
  return String(source).replace(/[^/\\]*$/, location)
}

/** The model; see `loadOnnx`. */
export async function load(source: LoadSource, given?: LoadOnnxOptions): Promise<OnnxModel> {
  const options = optionsOf('loadOnnx', given, { onProgress: undefined, externalData: {} })
  const what = `loadOnnx: ${nameOf(source)}`
  const fail: Fail = (why) => new FormatError(`${what} is no valid ONNX file: ${why}`)
  const decoded = decodeModel(await readAll(source, 'loadOnnx', options), fail)
  return modelOf(await withExternal(decoded, source, options, fail), what, fail)
}
