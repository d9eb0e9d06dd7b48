/** Where the batches of `fit`, `evaluate` and `predict` come from: arrays, or whatever gives batches one by one. */
import { arange, random, tensor, Tensor, ValueError, zeros, type TensorLike } from '@typegrad/tensor'
import { isNamed } from '@typegrad/layers/internals'
import { onHost } from './device.ts'
import { rows, sampleCount, toList, toWeights, type Data } from './inputs.ts'
import type { Model } from './model.ts'
import { Rows, type Batch } from './rows.ts'
import type { State } from './storage.ts'
import { asDeclared } from './texts.ts'

/** One step's data: `[x, y]`, `[x, y, sampleWeight]`, or `[x]` where there are no targets; a tensor or a record alone is x. */
export type BatchLike = readonly (Data | null)[] | Tensor | Readonly<Record<string, TensorLike>>

type Batches = Iterable<BatchLike> | AsyncIterable<BatchLike>

/**
 * What gives batches: an iterable or an async iterable, of which every epoch is one loop (a generator goes on where it stopped), or a
 * function that is called for every epoch and returns one.
 */
export type BatchSource = Batches | (() => Batches)

/** Whether data comes by batches. */
export function isSource(data: unknown): data is BatchSource {
  if (typeof data === 'function') return true
  if (typeof data !== 'object' || data === null) return false
  if (Symbol.asyncIterator in data) return true
  return (
    !(Array.isArray(data) || ArrayBuffer.isView(data) || data instanceof Tensor || 'toTensor' in data) && Symbol.iterator in data
  )
}

/** Batches without end: after those of a pass over the data comes `undefined`, and then the next pass. */
export interface Feed {
  /** The batches of a pass; `undefined` where that is not known. */
  readonly steps: number | undefined
  /** The first batch of the first pass; it is given again by {@link next}. */
  first(): Batch | Promise<Batch>
  next(): Batch | undefined | Promise<Batch | undefined>
  /** Begins a pass, wherever the last one stopped; a generator goes on. */
  begin(): void | Promise<void>
  /** Where the feed is, to go on from there. */
  state(): State
  restore(state: State): Promise<void>
}

export const samplesOf = (arrays: Batch): number => sampleCount({ x: arrays.x, y: arrays.y, sampleWeight: arrays.sampleWeight })

/** Data in the order of the model's inputs and outputs. */
export function toArrays(model: Model, x: Data, y?: Data | null, sampleWeight?: Data | null): Batch {
  model.meet(x)
  return {
    x: asDeclared(model, toList(x, model.inputNames, 'x')),
    y: y === undefined || y === null ? [] : toList(withPlaceholders(model, x, y), model.outputNames, 'y'),
    sampleWeight: sampleWeight === undefined || sampleWeight === null ? [] : toWeights(sampleWeight, model.outputNames),
  }
}

/** The targets, and zeros for those that are missing of outputs that nothing is compared with. */
function withPlaceholders(model: Model, x: Data, y: Data): Data {
  const needless = model.compiled ? model.uncompared : []
  const zero = (): Tensor => zeros([toList(x, model.inputNames, 'x')[0].shape[0]])
  if (isNamed(y))
    return { ...Object.fromEntries(needless.filter((name) => !Object.hasOwn(y, name)).map((name) => [name, zero()])), ...y }
  if (!Array.isArray(y) || !(y as readonly unknown[]).includes(null)) return y
  return y.map((one: Tensor | null, i) => (one === null && needless.includes(model.outputNames[i]) ? zero() : one)) as Tensor[]
}

export const slice = (arrays: Batch, start: number, end: number): Batch => ({
  x: rows(arrays.x, start, end),
  y: rows(arrays.y, start, end),
  sampleWeight: rows(arrays.sampleWeight, start, end),
})

/** Numbers from 0 below `n` in an order of chance, those of a batch together; the rest that fills no batch stays last. */
function batchwise(n: number, batchSize: number): Tensor {
  const full = Math.floor(n / batchSize)
  const starts = random.permutation(full).toTypedArray()
  const order = Int32Array.from({ length: n }, (_, i) =>
    i < full * batchSize ? starts[Math.floor(i / batchSize)] * batchSize + (i % batchSize) : i,
  )
  return tensor(order)
}

export type Shuffle = boolean | 'batch'

/** Batches cut from arrays, each pass in an order of its own. */
export class ArrayFeed implements Feed {
  readonly steps: number
  readonly #arrays: Batch
  readonly #batchSize: number
  readonly #shuffle: Shuffle
  readonly #samples: number
  #order: Tensor | undefined
  #inOrder: Tensor | undefined
  #at = 0

  constructor(arrays: Batch, batchSize: number, shuffle: Shuffle = false) {
    this.#arrays = arrays
    this.#batchSize = batchSize
    this.#shuffle = shuffle
    this.#samples = samplesOf(arrays)
    this.steps = Math.ceil(this.#samples / batchSize)
  }

  first(): Batch {
    return slice(this.#arrays, 0, Math.min(this.#batchSize, this.#samples))
  }

  next(): Batch | undefined {
    const n = this.#samples
    if (this.#at >= n) {
      this.#at = 0
      return undefined
    }
    if (this.#at === 0) this.#order = onHost(() => this.#draw(n))
    const start = this.#at
    const end = (this.#at = Math.min(n, start + this.#batchSize))
    this.#inOrder ??= onHost(() => arange(n, { dtype: 'int32' }))
    return new Rows(this.#arrays, (this.#order ?? this.#inOrder).slice([start, end]))
  }

  begin(): void {
    this.#at = 0
  }

  #draw(n: number): Tensor | undefined {
    if (this.#shuffle === 'batch') return batchwise(n, this.#batchSize)
    return this.#shuffle ? random.permutation(n) : undefined
  }

  state(): State {
    return { at: this.#at, order: this.#order ?? null }
  }

  restore(state: State): Promise<void> {
    const { at, order } = state as { at: number; order: Tensor | null }
    this.#at = at
    this.#order = order ?? undefined
    return Promise.resolve()
  }
}

/** Batches as a source gives them. */
export class SourceFeed implements Feed {
  readonly steps: number | undefined
  readonly #read: (batch: BatchLike) => Batch
  readonly #begin: () => Iterator<unknown> | AsyncIterator<unknown>
  #pass: Iterator<unknown> | AsyncIterator<unknown> | undefined
  /** Whether the source is one pass itself. */
  #goesOn = false
  #first: Batch | undefined
  #at = 0

  constructor(source: BatchSource, read: (batch: BatchLike) => Batch) {
    this.#read = read
    this.#begin = () => {
      const batches = typeof source === 'function' ? source() : source
      this.#goesOn = typeof source !== 'function' && 'next' in source
      if (typeof batches === 'object') {
        if (Symbol.asyncIterator in batches) return batches[Symbol.asyncIterator]()
        if (Symbol.iterator in batches) return batches[Symbol.iterator]()
      }
      throw new ValueError('data: the function returned nothing that gives batches, expected an iterable')
    }
    const { length } = source as { length?: unknown }
    this.steps = typeof source !== 'function' && typeof length === 'number' ? length : undefined
  }

  async first(): Promise<Batch> {
    this.#first ??= await this.#take()
    if (!this.#first) throw new ValueError('data: no batches, expected at least one')
    return this.#first
  }

  async next(): Promise<Batch | undefined> {
    const batch = this.#first ?? (await this.#take())
    this.#first = undefined
    this.#at = batch ? this.#at + 1 : 0
    return batch
  }

  async begin(): Promise<void> {
    if (this.#at === 0 || this.#goesOn) return
    await this.#pass?.return?.()
    this.#pass = undefined
    this.#at = 0
  }

  async #take(): Promise<Batch | undefined> {
    this.#pass ??= this.#begin()
    const { done, value } = await this.#pass.next()
    if (!done) return this.#read(value as BatchLike)
    this.#pass = undefined
    return undefined
  }

  state(): State {
    return { at: this.#at }
  }

  async restore(state: State): Promise<void> {
    const { at } = state as { at: number }
    while (this.#at < at) if (!(await this.next())) throw new ValueError(`data: ends before batch ${at}`)
  }
}

/** A batch as a source gives it, in the order of the model's inputs and outputs. */
export function readBatch(model: Model, batch: BatchLike): Batch {
  if (!Array.isArray(batch)) return toArrays(model, batch as Data)
  if (batch.length === 0 || batch.length > 3 || typeof batch[0] === 'number')
    throw new ValueError(`data: a batch is [x, y] or [x, y, sampleWeight], got a list of ${batch.length}`)
  const [x, y, sampleWeight] = batch as [Data, Data?, Data?]
  return toArrays(model, x, y, sampleWeight)
}
