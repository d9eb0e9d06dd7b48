import { isStrings } from '@typegrad/layers/internals'
import {
  compile,
  isTraceError,
  scope,
  SparseTensor,
  Variable,
  type CompiledFunction,
  type ExplainOptions,
  type MakingTimes,
  type Tensor,
} from '@typegrad/tensor'
import { fetched, gather, onDevice, Placement, uploaded } from './device.ts'
import type { Model } from './model.ts'
import { pickRows, Rows, type Batch } from './rows.ts'
import { encoded } from './texts.ts'

/** Arrays of more bytes than this are not kept beside the weights; their batches are picked before the step. */
const mostResidentBytes = 2 ** 28

export type StepKind = 'trainStep' | 'testStep' | 'predictStep'

type Kind = Exclude<StepKind, 'predictStep'>

/** Which weights are trained decides what a step is. */
type Trainable = string

/** What holds the elements of an array. */
const stored = (x: Tensor): readonly Tensor[] => (x instanceof SparseTensor ? Object.values(x.parts) : [x])

/** Sparse batches differ in their entries: these are padded, so that batches share programs. */
const alike = (x: Tensor): Tensor => (x instanceof SparseTensor ? x.compact(true) : x)

/** The steps that `fit`, `evaluate` and `predict` take: compiled programs, or op by op where the model cannot be compiled. */
export class Steps {
  /** Where they are computed. */
  readonly placement: Placement
  readonly #model: Model
  readonly #mayCompile: (kind: StepKind) => boolean
  #jit = true
  #compiled: Partial<Record<Kind, CompiledFunction<[Trainable, Batch, Tensor | undefined], void>>> = {}
  #predict: CompiledFunction<[readonly Tensor[]], Tensor[]> | undefined
  readonly #resident = new Map<string, Variable>()
  /** Which array a variable holds. */
  readonly #source = new WeakMap<Tensor, Tensor>()
  #entered = new WeakMap<Batch, Batch>()
  #trainable: Trainable = ''
  #revision = 0

  /** `jit` says for each kind of step whether it may be compiled, `device` names the backend. */
  constructor(model: Model, jit: (kind: StepKind) => boolean, device: string | undefined) {
    this.placement = new Placement(device)
    this.#model = model
    this.#mayCompile = jit
  }

  /** Brings the weights to where steps compute, and {@link look}s; `fit`, `evaluate` and `predict` begin with it. */
  async begin(): Promise<void> {
    const model = this.#model
    await this.placement.begin()
    const variables = [
      ...model.weights,
      ...(model.compiled ? model.optimizer.variables : []),
      ...model.metrics.flatMap((metric) => metric.variables),
    ]
    await this.placement.run(() => gather(variables))
    this.look()
  }

  /** Lets go of the data that is kept beside the weights: it is brought there anew. */
  forget(): void {
    this.#resident.clear()
    this.#entered = new WeakMap()
  }

  /** Looks at what decides how a step is compiled, where the weights lie on the host. */
  look(): void {
    const model = this.#model
    this.#trainable = model.weights.map(({ trainable }) => Number(trainable)).join('') + '/' + model.trainableWeights.length
    if (this.#revision !== model.revision) {
      this.#revision = model.revision
      this.#compiled = {}
      this.#predict = undefined
    }
    if (!model.traceable && this.#jit) {
      const first = model.layers.find((layer) => !layer.traceable)
      this.#giveUp(`layer '${first?.name ?? model.name}' cannot be recorded once and run again`)
    }
  }

  train(batch: Batch): void {
    this.placement.run(() => scope(() => this.#take('trainStep', batch)))
  }

  test(batch: Batch): void {
    this.placement.run(() => scope(() => this.#take('testStep', batch)))
  }

  /** The predictions, on the host: at once if they are computed there. */
  predict(x: readonly Tensor[]): Tensor[] | Promise<Tensor[]> {
    return this.placement.run(() => (onDevice() ? fetched(() => this.#predictions(x)) : this.#predictions(x)))
  }

  #predictions(given: readonly Tensor[]): Tensor[] {
    const model = this.#model
    const x = encoded(model, given)
    const eagerly = (): Tensor[] => model.predictStep(x)
    if (!this.#jit || !this.#mayCompile('predictStep')) return eagerly()
    const compiled = (this.#predict ??= compile((inputs) => model.predictStep(inputs)))
    try {
      return compiled(x.map(alike))
    } catch (error) {
      this.#giveUpFor(error)
      return eagerly()
    }
  }

  /** The programs of the steps as text. */
  explain(options?: ExplainOptions): string {
    return this.#functions.map(([name, step]) => `${name}\n${step.explain(options)}`).join('\n')
  }

  /** What the programs of the steps took to be made. */
  get made(): Partial<Record<StepKind, readonly MakingTimes[]>> {
    return Object.fromEntries(this.#functions.map(([name, step]) => [name, step.made]))
  }

  get #functions() {
    return Object.entries({ ...this.#compiled, ...(this.#predict ? { predictStep: this.#predict } : {}) })
  }

  /** A step; nothing is made on the way to a program that is there. */
  #take(kind: Kind, batch: Batch): void {
    const model = this.#model
    const compiles = this.#jit && this.#mayCompile(kind)
    const resident = batch instanceof Rows && (compiles || onDevice()) ? this.#residentOf(batch.arrays, kind) : undefined
    if (compiles)
      try {
        const compiled = (this.#compiled[kind] ??= compile((_, arrays, rows) =>
          model[kind](rows ? pickRows(arrays, rows) : arrays),
        ))
        if (batch instanceof Rows && resident) compiled(this.#trainable, resident, batch.rows)
        else {
          const { x, ...rest } = this.#plain(batch)
          compiled(this.#trainable, { ...rest, x: x.map(alike) }, undefined)
        }
        return
      } catch (error) {
        this.#giveUpFor(error)
      }
    model[kind](resident && onDevice() ? pickRows(resident, (batch as Rows).rows) : this.#plain(batch))
  }

  /** The arrays of a batch: rows are picked as they are asked for, strings are encoded. */
  #plain({ x, y, sampleWeight }: Batch): Batch {
    return { x: encoded(this.#model, x), y, sampleWeight }
  }

  /** The arrays as variables, which programs read in place; `undefined` for arrays that are too large. */
  #residentOf(arrays: Batch, kind: Kind): Batch | undefined {
    const known = this.#entered.get(arrays)
    return known && this.#holds(known, arrays) ? known : this.#enter(arrays, kind)
  }

  #enter(arrays: Batch, kind: Kind): Batch | undefined {
    const all = [...arrays.x, ...arrays.y, ...arrays.sampleWeight]
    if (all.some(isStrings)) return undefined
    if (all.flatMap(stored).reduce((bytes, { size }) => bytes + 4 * size, 0) > mostResidentBytes) return undefined
    // Arrays of the same shape take each other's place, so that another `fit` needs no other program.
    const hold = (key: string, name: string, value: Tensor, source: Tensor): Variable => {
      const variable = this.#resident.get(key)?.assign(value) ?? new Variable(value, { name, trainable: false })
      this.#resident.set(key, variable)
      this.#source.set(variable, source)
      return variable
    }
    const enter = (list: readonly Tensor[], part: string): Tensor[] =>
      list.map((array, i) => {
        const key = `${kind} ${part} ${i} ${array.dtype} ${array.shape.join()}`
        if (!(array instanceof SparseTensor)) return hold(key, part, uploaded(array), array)
        const own = array.compact()
        const { indptr, indices, values, rows } = own.parts
        const sizes = `${key} ${indices.size} ${values.size}`
        return own.withParts({
          indptr: hold(`${sizes} indptr`, `${part} indptr`, indptr, array),
          indices: hold(`${sizes} indices`, `${part} indices`, indices, array),
          values: hold(`${sizes} values`, `${part} values`, values, array),
          rows: hold(`${sizes} rows`, `${part} rows`, rows, array),
        })
      })
    const resident = {
      x: enter(arrays.x, 'x'),
      y: enter(arrays.y, 'y'),
      sampleWeight: enter(arrays.sampleWeight, 'sampleWeight'),
    }
    this.#entered.set(arrays, resident)
    return resident
  }

  /** Whether no other arrays have taken the place of these. */
  #holds(resident: Batch, arrays: Batch): boolean {
    return (
      this.#holdsAll(resident.x, arrays.x) &&
      this.#holdsAll(resident.y, arrays.y) &&
      this.#holdsAll(resident.sampleWeight, arrays.sampleWeight)
    )
  }

  #holdsAll(list: readonly Tensor[], given: readonly Tensor[]): boolean {
    for (let i = 0; i < list.length; i++) {
      const x = list[i]
      if (this.#source.get(x instanceof SparseTensor ? x.parts.indptr : x) !== given[i]) return false
    }
    return true
  }

  /** Tracing computes nothing: what cannot be traced can still be run. */
  #giveUpFor(error: unknown): void {
    if (!isTraceError(error)) throw error
    this.#giveUp(error.message)
  }

  #giveUp(reason: string): void {
    this.#jit = false
    globalThis.console.warn(`model '${this.#model.name}' runs op by op, for it cannot be compiled: ${reason}`)
  }
}
