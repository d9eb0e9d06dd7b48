// Callbacks that write files: read back by readers that are not ours.
import { BinaryReader, WireType } from '@bufbuild/protobuf/wire'
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { buf as crc32c } from 'crc-32/crc32c.js'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { BatchNormalization, Dense } from '@typegrad/layers'
import { CSVLogger, LambdaCallback, Sequential, TensorBoard, type Callback, type FitOptions, type Sink } from '@typegrad/model'
import { SGD } from '@typegrad/optim'
import { random, setSeed, type Tensor } from '@typegrad/tensor'

let folder: string
beforeAll(() => (folder = mkdtempSync(join(tmpdir(), 'typegrad-'))))
afterAll(() => rmSync(folder, { recursive: true }))

const model = (): Sequential => {
  setSeed(2)
  return new Sequential([new Dense({ units: 2, inputDim: 2 }), new BatchNormalization(), new Dense({ units: 1 })]).compile({
    loss: 'mse',
    metrics: ['mae'],
    optimizer: new SGD({ learningRate: 0.01 }),
  })
}

const data = (): [Tensor, Tensor] => [random.normal([10, 2]), random.normal([10, 1])]

async function train(callback: Callback, options: FitOptions = {}): Promise<Record<string, number[]>> {
  const [target, [x, y]] = [model(), data()]
  const { history } = await target.fit(x, y, { verbose: 0, batchSize: 4, epochs: 3, callbacks: [callback], ...options })
  return history
}

describe('CSVLogger', () => {
  const lines = (name: string): string[] => readFileSync(join(folder, name), 'utf8').split('\n')

  it('writes a line per epoch, its figures in alphabetical order', async () => {
    const { loss, mae, val_loss, val_mae } = await train(new CSVLogger(join(folder, 'a/b/log.csv')), { validationSplit: 0.3 })
    expect(lines('a/b/log.csv')).toEqual([
      'epoch,loss,mae,val_loss,val_mae',
      ...[0, 1, 2].map((i) => [i, loss[i], mae[i], val_loss[i], val_mae[i]].join(',')),
      '',
    ])
  })

  it('writes NA for figures that an epoch lacks, with any separator', async () => {
    const { loss, mae, val_loss, val_mae } = await train(new CSVLogger(join(folder, 'na.csv'), { separator: ';' }), {
      validationSplit: 0.3,
      validationFreq: 2,
    })
    expect(lines('na.csv')).toEqual([
      'epoch;loss;mae;val_loss;val_mae',
      [0, loss[0], mae[0], 'NA', 'NA'].join(';'),
      [1, loss[1], mae[1], val_loss[0], val_mae[0]].join(';'),
      [2, loss[2], mae[2], 'NA', 'NA'].join(';'),
      '',
    ])
  })

  it('closes its file when training ends by an error, and begins it anew in the next', async () => {
    const closed: string[] = []
    const open = (path: string): Sink => {
      let text = ''
      return {
        write: (piece) => void (text += new TextDecoder().decode(piece)),
        close: () => void closed.push(`${path}: ${text}`),
      }
    }
    const logger = new CSVLogger('log', { open })
    const board = new TensorBoard({ logDir: 'board', open })
    let fails = true
    const failing = new LambdaCallback({
      onEpochEnd: (epoch) => {
        if (epoch === 1 && fails) throw new Error('power cut')
      },
    })
    const run = (): Promise<unknown> => train(logger, { callbacks: [logger, board, failing] })
    await expect(run()).rejects.toThrow('power cut')
    expect(closed.map((entry) => entry.slice(0, 5))).toEqual(['log: ', 'board'])
    expect(closed[0].split('\n')).toHaveLength(4)
    fails = false
    await run()
    expect(closed[2].split('\n')).toHaveLength(5)
    expect(closed[2].split('\n')[1]).toBe(closed[0].split('\n')[1])
  })

  it('begins a file anew, or goes on with it', async () => {
    const path = join(folder, 'more.csv')
    writeFileSync(path, 'epoch,loss\n0,1\n')
    await train(new CSVLogger(path, { append: true }), { epochs: 1 })
    expect(lines('more.csv').slice(0, 2)).toEqual(['epoch,loss', '0,1'])
    expect(lines('more.csv')).toHaveLength(4)
    const again = new CSVLogger(path)
    for (let i = 0; i < 2; i++) {
      await train(again, { epochs: 2 })
      expect(lines('more.csv').map((line) => line.split(',')[0])).toEqual(['epoch', '0', '1', ''])
    }
    await train(new CSVLogger(join(folder, 'new.csv'), { append: true }), { epochs: 1 })
    expect(lines('new.csv')[0]).toBe('epoch,loss,mae,val_loss,val_mae')
  })

  it('writes elsewhere if told, and closes what it opened', async () => {
    const log: string[] = []
    const sink: Sink = { write: (piece) => void log.push(new TextDecoder().decode(piece)), close: () => void log.push('closed') }
    await train(new CSVLogger('anywhere', { open: () => sink }), { epochs: 1 })
    expect(log).toEqual(['epoch,loss,mae,val_loss,val_mae\n', expect.stringMatching(/^0,.*,NA,NA\n$/), 'closed'])
  })
})

interface Event {
  wallTime: number
  step: number
  version?: string
  values: Record<string, number | Record<string, number | number[]>>
}

/** Fields of a message by number; nested ones as bytes. */
function fieldsOf(bytes: Uint8Array): Map<number, any[]> {
  const reader = new BinaryReader(bytes)
  const fields = new Map<number, any[]>()
  while (reader.pos < reader.len) {
    const [number, type] = reader.tag()
    const value =
      type === WireType.Varint
        ? Number(reader.int64())
        : type === WireType.Bit64
          ? reader.double()
          : type === WireType.Bit32
            ? reader.float()
            : reader.bytes()
    fields.set(number, [...(fields.get(number) ?? []), value])
  }
  return fields
}

const text = (bytes: Uint8Array): string => new TextDecoder().decode(bytes)

/** The events of a file, the checksums of whose records are right. */
function eventsOf(file: Uint8Array): Event[] {
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength)
  const masked = (bytes: Uint8Array): number => {
    const crc = crc32c(bytes) >>> 0
    return (((crc >>> 15) | (crc << 17)) + 0xa282ead8) >>> 0
  }
  const events: Event[] = []
  for (let at = 0; at < file.length;) {
    const length = Number(view.getBigUint64(at, true))
    expect(view.getUint32(at + 8, true)).toBe(masked(file.subarray(at, at + 8)))
    const bytes = file.subarray(at + 12, at + 12 + length)
    expect(view.getUint32(at + 12 + length, true)).toBe(masked(bytes))
    at += length + 16
    const event = fieldsOf(bytes)
    const values = (event.has(5) ? (fieldsOf(event.get(5)![0]).get(1) ?? []) : []).map((value: Uint8Array) => {
      const fields = fieldsOf(value)
      if (fields.has(2)) return [text(fields.get(1)![0]), fields.get(2)![0]] as const
      const histogram = fieldsOf(fields.get(5)![0])
      const doubles = (packed: Uint8Array): number[] => [...new Float64Array(new Uint8Array(packed).buffer)]
      const [min, max, count, sum] = [1, 2, 3, 4].map((number) => histogram.get(number)![0] as number)
      const [limits, buckets] = [6, 7].map((number) => doubles(histogram.get(number)![0]))
      return [text(fields.get(1)![0]), { min, max, count, sum, limits, buckets }] as const
    })
    events.push({
      wallTime: event.get(1)![0],
      step: event.get(2)?.[0] ?? 0,
      ...(event.has(3) && { version: text(event.get(3)![0]) }),
      values: Object.fromEntries(values),
    })
  }
  return events
}

const read = (logDir: string, run: string): Event[] => {
  const files = readdirSync(join(logDir, run))
  expect(files).toEqual([expect.stringMatching(/^events\.out\.tfevents\.\d+\.\d+\..*\.v2$/)])
  return eventsOf(readFileSync(join(logDir, run, files[0])))
}

describe('TensorBoard', () => {
  it('writes the figures of every epoch, those of validation apart', async () => {
    const logDir = join(folder, 'epochs')
    const { loss, mae, val_loss, val_mae } = await train(new TensorBoard({ logDir }), { validationSplit: 0.3 })
    const [head, ...events] = read(logDir, 'train')
    expect(head).toMatchObject({ version: 'brain.Event:2', values: {} })
    expect(Math.abs(Date.now() / 1000 - head.wallTime)).toBeLessThan(600)
    expect(events.map(({ step, values }) => [step, values])).toEqual(
      [0, 1, 2].map((i) => [i, { epoch_loss: loss[i], epoch_mae: mae[i], epoch_learning_rate: Math.fround(0.01) }]),
    )
    const [, ...validation] = read(logDir, 'validation')
    // Two batches make an epoch here.
    expect(validation.map(({ step, values }) => [step, values])).toEqual(
      [0, 1, 2].flatMap((i) => [
        [2 * (i + 1), { evaluation_loss_vs_iterations: val_loss[i], evaluation_mae_vs_iterations: val_mae[i] }],
        [i, { epoch_loss: val_loss[i], epoch_mae: val_mae[i] }],
      ]),
    )
  })

  it('writes those of batches, every one or some', async () => {
    const seen: number[] = []
    const watch = new LambdaCallback({ onTrainBatchEnd: (_, logs) => void seen.push(logs['loss']) })
    const logDir = join(folder, 'batches')
    await train(watch, { callbacks: [watch, new TensorBoard({ logDir, updateFreq: 2, writeStepsPerSecond: true })] })
    const events = read(logDir, 'train').filter(({ values }) => 'batch_loss' in values)
    expect(events.map(({ step, values }) => [step, values['batch_loss']])).toEqual([1, 3, 5, 7].map((i) => [i, seen[i]]))
    expect(Object.keys(events[0].values)).toEqual(['batch_loss', 'batch_mae', 'batch_steps_per_second'])
    const [epoch] = read(logDir, 'train').filter(({ values }) => 'epoch_loss' in values)
    expect(epoch.values['epoch_steps_per_second']).toBeGreaterThan(0)
  })

  it('writes histograms of all weights', async () => {
    const logDir = join(folder, 'histograms')
    const [target, [x, y]] = [model(), data()]
    await target.fit(x, y, { verbose: 0, epochs: 3, callbacks: [new TensorBoard({ logDir, histogramFreq: 2 })] })
    const events = read(logDir, 'train').filter(({ values }) => Object.keys(values).some((name) => name.endsWith('/histogram')))
    expect(events.map(({ step }) => step)).toEqual([0, 2])
    const last = events[1].values as Record<string, any>
    expect(Object.keys(last)).toEqual(
      target.layers.flatMap((layer) => layer.weights.map((weight) => `${layer.name}/${weight.name}/histogram`)),
    )
    for (const layer of target.layers) {
      for (const weight of layer.weights) {
        const { min, max, count, sum, limits, buckets } = last[`${layer.name}/${weight.name}/histogram`]
        const values = [...weight.value.toTypedArray()]
        expect([min, max, count]).toEqual([Math.min(...values), Math.max(...values), values.length])
        expect(sum).toBeCloseTo(
          values.reduce((a, b) => a + b),
          10,
        )
        // Every value is in the first bucket whose limit it does not exceed, up to rounding at the limits.
        const expected = limits.map(
          (limit: number, i: number) => values.filter((v) => v <= limit && (i === 0 || v > limits[i - 1])).length,
        )
        expect(buckets.length).toBe(limits.length)
        expect(buckets.reduce((a: number, b: number) => a + b)).toBe(values.length)
        const off = buckets.reduce((total: number, n: number, i: number) => total + Math.abs(n - expected[i]), 0)
        expect(off).toBeLessThanOrEqual(2)
      }
    }
  })

  it('writes a file for an evaluation on its own', async () => {
    const logDir = join(folder, 'evaluation')
    const [target, [x, y]] = [model(), data()]
    const { loss } = await target.evaluate(x, y, { verbose: 0, callbacks: [new TensorBoard({ logDir })] })
    expect(read(logDir, 'validation')[1].values).toMatchObject({ evaluation_loss_vs_iterations: loss })
  })

  it('refuses frequencies that are none', () => {
    expect(() => new TensorBoard({ updateFreq: -1 })).toThrow('updateFreq must be an integer ≥ 0, got -1')
  })
})
