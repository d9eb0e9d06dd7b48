import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { FormatError } from '@typegrad/data'
import { MismatchError, readSafetensors, writeSafetensors } from '@typegrad/formats'
import { GradientTape } from '@typegrad/autograd'
import { Dense, Dropout, Input } from '@typegrad/layers'
import { Callback, Model, Sequential, type Batch, type State } from '@typegrad/model'
import { Adam, SGD } from '@typegrad/optim'
import { tensor, zeros, type Tensor } from '@typegrad/tensor'
import { afterAll, describe, expect, it } from 'vitest'
import { fuzz, runs } from './mutate.ts'
import { cases } from './runs.ts'

const folder = mkdtempSync(join(tmpdir(), 'typegrad-checkpoint-'))
afterAll(() => rmSync(folder, { recursive: true }))

/** Runs a part of all cases in a process of its own: the first half and the whole, or the second half. */
function child(part: 'first' | 'second'): void {
  const preload = fileURLToPath(new URL('../../scripts/ts-register.mjs', import.meta.url))
  const sources = process.env['TEST_DIST'] === undefined ? ['--conditions=@typegrad/source'] : []
  const script = fileURLToPath(new URL('runs.ts', import.meta.url))
  // The preload stays out of Vitest's own threads.
  execFileSync(process.execPath, [...sources, '--import', preload, script, part, folder], { env: { ...process.env, VITEST: '' } })
}

const resultsOf = (part: 'second' | 'whole'): Readonly<Record<string, string>> =>
  JSON.parse(readFileSync(join(folder, `${part}.json`), 'utf8')) as Record<string, string>

const small = (units = 2, optimizer = new Adam()): Sequential => {
  const model = new Sequential([new Dense({ units: 3, inputDim: 2 }), new Dropout({ rate: 0.5, seed: 1 }), new Dense({ units })])
  return model.compile({ optimizer, loss: 'mse' })
}

describe('checkpoints', () => {
  it('two halves of a run in two processes are the whole run, bit by bit, for every optimizer', async () => {
    // Both in processes of the same kind: which instructions WebAssembly has may differ between Node and Vitest.
    child('first')
    child('second')
    const results = resultsOf('second')
    expect(results).toEqual(resultsOf('whole'))
    expect(new Set(Object.values(results)).size).toBe(Object.keys(cases).length)
  }, 120_000)

  it('keep what callbacks and loops remember, whatever it is', async () => {
    class Memory extends Callback {
      state: State = null
      override getState(): State {
        return this.state
      }
      override setState(state: State): void {
        this.state = state
      }
    }
    const [before, after] = [new Memory(), new Memory()]
    before.state = {
      best: -Infinity,
      wait: -0,
      nan: Number.NaN,
      weights: [tensor([1, 2]), tensor([[true]])],
      none: null,
      text: '__proto__',
    }
    const path = join(folder, 'callbacks.safetensors')
    const model = small()
    await model.saveCheckpoint(path, { progress: [3, { step: 4 }], callbacks: [before] })
    expect(await model.loadCheckpoint(path, { callbacks: [after] })).toEqual([3, { step: 4 }])
    const state = after.state as { weights: Tensor[] }
    expect(state).toMatchObject({ best: -Infinity, wait: -0, nan: Number.NaN, none: null, text: '__proto__' })
    expect(state.weights.map((weight) => weight.toArray())).toEqual([[1, 2], [[true]]])
    await expect(model.loadCheckpoint(path)).rejects.toThrow(/callbacks: Memory in the file, none now/)
  })

  it('are taken at the moment of the call', async () => {
    const model = small()
    const path = join(folder, 'moment.safetensors')
    const saved = model.weights[0].toArray()
    const saving = model.saveCheckpoint(path, { progress: null })
    model.trainOnBatch([[1, 2]], [[3, 4]])
    await saving
    expect(model.weights[0].toArray()).not.toEqual(saved)
    await model.loadCheckpoint(path)
    expect(model.weights[0].toArray()).toEqual(saved)
  })

  it('name every mismatch at once and change nothing', async () => {
    const path = join(folder, 'mismatch.safetensors')
    const trained = small()
    trained.trainOnBatch([[1, 2]], [[3, 4]])
    await trained.saveCheckpoint(path, { progress: 1 })
    const other = small(4, new Adam({ beta1: 0.8 }))
    const before = other.weights.map((weight) => weight.toArray())
    const error = await other.loadCheckpoint(path).then(
      () => undefined,
      (e: unknown) => e as MismatchError,
    )
    expect(error).toBeInstanceOf(MismatchError)
    expect(error!.problems).toEqual([
      'weight layers/dense_1/kernel: [3, 2] in the file, [3, 4] in the model',
      'weight layers/dense_1/bias: [2] in the file, [4] in the model',
      'optimizer: beta_1 is 0.9 in the file, 0.8 in the model',
      'optimizer layers/dense_1/kernel/momentum: [3, 2] in the file, [3, 4] in the model',
      'optimizer layers/dense_1/kernel/velocity: [3, 2] in the file, [3, 4] in the model',
      'optimizer layers/dense_1/bias/momentum: [2] in the file, [4] in the model',
      'optimizer layers/dense_1/bias/velocity: [2] in the file, [4] in the model',
    ])
    expect(other.weights.map((weight) => weight.toArray())).toEqual(before)
    await expect(small(2, new SGD() as never).loadCheckpoint(path)).rejects.toThrow(
      /optimizer: Adam in the file, SGD in the model/,
    )
    const deeper = new Sequential([new Dense({ units: 3, inputDim: 2 }), new Dense({ units: 2 }), new Dense({ units: 2 })])
    await expect(deeper.loadCheckpoint(path)).rejects.toThrow(
      /dense_2\/kernel: missing in the file[^]*not compiled[^]*layers\/dropout: random generators in the file/,
    )
  })

  it('are undefined where there is no file, and an error where it is something else', async () => {
    expect(await small().loadCheckpoint(join(folder, 'none.safetensors'))).toBeUndefined()
    const path = join(folder, 'other.safetensors')
    await writeSafetensors(path, { x: [1] })
    await expect(small().loadCheckpoint(path)).rejects.toThrow(FormatError)
    await writeSafetensors(path, { x: [1] }, { metadata: { 'typegrad.checkpoint': '{"version":1,"random":{"global":[1,2]}}' } })
    await expect(small().loadCheckpoint(path)).rejects.toThrow(/lack what a checkpoint has/)
  })

  it(`read or refuse ${runs} damaged files`, async () => {
    const path = join(folder, 'fuzz.safetensors')
    const model = small()
    await model.saveCheckpoint(path, { progress: { epoch: 1, best: Infinity } })
    const bytes = new Uint8Array(readFileSync(path))
    // Damage to the JSON in the metadata gets past the format's own checks.
    const outcome = await fuzz([bytes], (damaged) => model.loadCheckpoint(damaged as never))
    expect(outcome.refused).toBeGreaterThan(runs / 2)
    expect((await readSafetensors(path)).metadata.size).toBe(1)
  })
})

describe('a model with a step of its own', () => {
  it('that is never called itself has the weights of its layers', async () => {
    const coder = (units: number, inputs: number): Sequential =>
      new Sequential([Input({ shape: [inputs] }), new Dense({ units })])
    class Autoencoder extends Model {
      readonly encoder = coder(2, 3)
      readonly decoder = coder(3, 2)
      override trainStep({ x: [x] }: Batch): void {
        const tape = new GradientTape()
        const error = tape.run(() => this.decoder.apply(this.encoder.apply(x)).sub(x).square().mean())
        this.optimizer.apply(tape.gradient(error, this.trainableWeights), this.trainableWeights)
      }
    }
    const path = join(folder, 'autoencoder.weights.h5')
    const model = new Autoencoder()
    model.compile({ optimizer: 'sgd' })
    await model.fit(zeros([4, 3]), undefined, { verbose: 0 })
    await model.saveWeights(path)
    const again = new Autoencoder()
    await again.loadWeights(path)
    expect(again.getWeights().map((w) => w.toArray())).toEqual(model.getWeights().map((w) => w.toArray()))
    await expect(new (class extends Model {})().saveWeights(path)).rejects.toThrow('has no weights yet')
  })
})
