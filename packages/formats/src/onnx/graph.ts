/** The graph of an ONNX file as a function of tensors. */
import { FormatError } from '@typegrad/data'
import { internals, isFloat, TypegradError, unheard, ValueError, Variable, type Tensor } from '@typegrad/tensor'
import { dtypeOf, tensorOf, type DecodedModel, type DecodedNode, type Fail, type Stored } from './decode.ts'
import { Attributes, remember, Unsupported, type Run } from './operators/operator.ts'
import { operators } from './operators/index.ts'

/** The last version of ONNX' operators that is known here. What older ones have and newer ones lack are attributes, which are refused. */
const lastVersion = 25

interface Step {
  readonly node: DecodedNode
  readonly run: Run
  /** Whether the results are known before the inputs are: of constants and shapes only. They are computed on the host, untraced. */
  readonly known: boolean
  /** Values that nothing reads after it. */
  readonly done: readonly string[]
}

/** A function of named tensors. */
export interface Graph {
  readonly weights: ReadonlyMap<string, Variable>
  run(inputs: ReadonlyMap<string, Tensor>): Map<string, Tensor>
}

/** Collects why a model cannot be run, each reason once, with the nodes that it is true of. */
class Problems {
  readonly #nodes = new Map<string, string[]>()

  add(why: string, node: string): void {
    const nodes = this.#nodes.get(why)
    if (nodes) nodes.push(node)
    else this.#nodes.set(why, [node])
  }

  get list(): string[] {
    return [...this.#nodes].map(([why, [first, ...others]]) => {
      if (first === '') return why
      return `${why} (node '${first}'${others.length > 0 ? `, and ${others.length} more` : ''})`
    })
  }
}

/** What a node is, if it can be run. */
function runOf(node: DecodedNode, version: number, constant: (stored: Stored) => Tensor): Run {
  const { op, domain, inputs } = node
  const known = domain === '' && Object.hasOwn(operators, op) ? operators[op] : undefined
  if (!known) throw new Unsupported(domain === '' ? `the operator ${op}` : `the operator ${op} of ${domain}`)
  const { least, most, make } = known
  const given = inputs.slice(0, least).filter((name) => name !== '').length
  if (given < least || inputs.length > most)
    throw new Unsupported(`${op} with ${inputs.length} inputs, expected ${least === most ? least : `${least} to ${most}`}`)
  const attributes = new Attributes(node, version, constant)
  try {
    const run = make(attributes)
    attributes.finish()
    return run
  } catch (error) {
    throw error instanceof Unsupported ? new Unsupported(`${op}: ${error.message}`) : error
  }
}

const labelOf = ({ name, outputs }: DecodedNode): string => name || outputs[0]

/** The steps of a model, and what of it is not supported. @throws FormatError for a graph that is none */
export function graphOf(model: DecodedModel, fail: Fail): { graph: Graph; problems: readonly string[] } {
  const problems = new Problems()
  for (const extra of model.extras) problems.add(extra, '')
  const version = model.opsets.get('') ?? 1
  if (model.nodes.some(({ domain }) => domain === '') && version > lastVersion)
    problems.add(`operators of version ${version}, expected at most ${lastVersion}`, '')

  const weights = new Map<string, Variable>()
  const constants = new Map<string, Tensor>()
  for (const stored of model.constants) {
    if (constants.has(stored.name)) throw fail(`the tensor '${stored.name}' is in it twice`)
    if (dtypeOf(stored.type) === undefined) problems.add(`'${stored.name}': elements of the type ${stored.type}`, '')
    else constants.set(stored.name, tensorOf(stored, fail))
  }
  for (const { name, type } of model.constants) {
    const value = constants.get(name)
    // By the type in the file: the ends of slices are int64 there, and so large that they are float64 here.
    if (!value || !isFloat(dtypeOf(type)!) || value.rank === 0) continue
    const weight = new Variable(value, { name, trainable: false })
    remember(weight, value)
    weights.set(name, weight)
  }

  const steps: Omit<Step, 'done'>[] = []
  const made = new Set([...model.inputs.map(({ name }) => name), ...constants.keys()])
  // What is known without the inputs. A weight can be changed, so it is not.
  const known = new Set([...constants.keys()].filter((name) => !weights.has(name)))
  const unknown = new Set(model.constants.map(({ name }) => name).filter((name) => !constants.has(name)))
  for (const node of model.nodes) {
    const missing = node.inputs.find((name) => name !== '' && !made.has(name) && !unknown.has(name))
    if (missing !== undefined) throw fail(`the node '${labelOf(node)}' reads '${missing}', which nothing has made before`)
    const isKnown = /^(Shape|Size)$/.test(node.op) || node.inputs.every((name) => name === '' || known.has(name))
    for (const name of node.outputs) {
      if (name === '') continue
      if (made.has(name)) throw fail(`the value '${name}' is made twice`)
      made.add(name)
      if (isKnown) known.add(name)
    }
    try {
      steps.push({ node, run: runOf(node, version, (stored) => tensorOf(stored, fail)), known: isKnown })
    } catch (error) {
      if (!(error instanceof Unsupported)) throw error
      problems.add(error.message, labelOf(node))
    }
  }
  for (const { name } of model.outputs) if (!made.has(name)) throw fail(`nothing makes its output '${name}'`)
  return { graph: { weights, run: runner(steps, constants, weights, model) }, problems: problems.list }
}

/** Runs the steps one after the other, and lets go of what nothing reads any more. */
function runner(
  given: readonly Omit<Step, 'done'>[],
  constants: ReadonlyMap<string, Tensor>,
  weights: ReadonlyMap<string, Variable>,
  { outputs }: DecodedModel,
): Graph['run'] {
  const last = new Map<string, number>()
  given.forEach(({ node }, i) => [...node.inputs, ...node.outputs].forEach((name) => last.set(name, i)))
  const kept = new Set([...constants.keys(), ...outputs.map(({ name }) => name), ''])
  const steps = given.map((step, i): Step => {
    const { inputs, outputs } = step.node
    return { ...step, done: [...inputs, ...outputs].filter((name) => last.get(name) === i && !kept.has(name)) }
  })
  const onHost = <T>(f: () => T): T => unheard(() => internals.withBackend(internals.backendOn('host'), f))
  return (inputs) => {
    const values = new Map<string, Tensor>([...constants, ...weights, ...inputs])
    for (const { node, run, known, done } of steps) {
      const operands = node.inputs.map((name) => (name === '' ? undefined : values.get(name))) as readonly Tensor[]
      const result = located(node, () => (known ? onHost(() => run(operands)) : run(operands)))
      const results = (Array.isArray(result) ? result : [result]) as readonly Tensor[]
      node.outputs.forEach((name, i) => {
        if (name === '') return
        if (!results[i]) throw new ValueError(`${node.op}: has no output ${i} (node '${labelOf(node)}')`)
        values.set(name, results[i])
      })
      for (const name of done) values.delete(name)
    }
    return new Map(outputs.map(({ name }) => [name, values.get(name)!]))
  }
}

/** Errors from within say in which node they arose. */
function located<T>(node: DecodedNode, f: () => T): T {
  try {
    return f()
  } catch (error) {
    if (error instanceof Unsupported) throw new FormatError(`${error.message}, which is not supported (node '${labelOf(node)}')`)
    if (!(error instanceof TypegradError))
      throw Object.assign(new FormatError(`${node.op}: ${String(error)} (node '${labelOf(node)}')`), { cause: error })
    if (!error.message.includes("(node '")) error.message += ` (node '${labelOf(node)}')`
    throw error
  }
}
