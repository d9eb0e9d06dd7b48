import { describe, expect, it } from 'vitest'
import { Attention, Dense, Input, Lambda, Layer } from '@typegrad/layers'
import { Model, NonFiniteError, Sequential, type FitOptions, type NonFiniteOrigin } from '@typegrad/model'
import { SGD } from '@typegrad/optim'
import { random, setSeed, tensor, type Tensor } from '@typegrad/tensor'

class Root extends Layer {
  call(x: Tensor): Tensor {
    return x.sqrt()
  }
}

class Arc extends Layer {
  call(x: Tensor): Tensor {
    return x.arcsin()
  }
}

class Logarithm extends Layer {
  call(x: Tensor): Tensor {
    return x.log()
  }
}

const dense = (name: string): Dense => new Dense({ units: 2, name, kernelInitializer: 'ones' })
const input = { shape: [2] }
const x = tensor([
  [1, 2],
  [-3, 1],
])

/** What a run says of the first value that is not finite. */
async function found(
  model: Model,
  options: FitOptions = {},
  data: [Tensor, Tensor] = [x, x],
): Promise<[string, NonFiniteOrigin | undefined]> {
  const error: unknown = await model.fit(...data, { verbose: 0, batchSize: 2, shuffle: false, debugNaN: true, ...options }).then(
    () => undefined,
    (thrown: unknown) => thrown,
  )
  expect(error).toBeInstanceOf(NonFiniteError)
  const { message, origin } = error as NonFiniteError
  return [message, origin]
}

describe('debugNaN', () => {
  it('names the layer and the op of the forward pass', async () => {
    const model = new Sequential([Input(input), dense('first'), new Logarithm({ name: 'log' }), dense('last')]).compile({
      loss: 'mse',
    })
    const [message, origin] = await found(model)
    expect(origin).toEqual({ phase: 'forward', op: 'log', layer: 'log' })
    expect(message).toBe("fit: epoch 1, batch 0: the loss is NaN: op 'log' in layer 'log' made the first one")
  })

  it('names the path of a layer within layers', async () => {
    const inner = new Sequential([dense('first'), new Root({ name: 'root' })], { name: 'inner' })
    const model = new Sequential([Input(input), inner, dense('last')]).compile({ loss: 'mse' })
    expect((await found(model))[1]).toEqual({ phase: 'forward', op: 'sqrt', layer: 'inner/root' })
  })

  it('names the op whose gradient it was', async () => {
    // The arc sine of 1 is π / 2, and its slope is infinite.
    const one = new Dense({ units: 1, kernelInitializer: 'zeros', biasInitializer: 'ones', name: 'one' })
    const model = new Sequential([Input(input), one, new Arc({ name: 'arc' })]).compile({ loss: 'mse' })
    const [message, origin] = await found(model, {}, [x, tensor([[1], [1]])])
    expect(origin).toEqual({ phase: 'backward', op: 'arcsin', layer: 'arc' })
    expect(message).toMatch(/the gradient of weight 'kernel' of layer 'one' holds .*: the gradient of op 'arcsin' in layer 'arc'/)
  })

  it('names the loss', async () => {
    const far = (yTrue: Tensor, yPred: Tensor): Tensor => yPred.sub(yTrue).mul(1e30).square().mean(-1)
    const model = new Sequential([Input(input), dense('only')]).compile({ loss: far })
    expect((await found(model))[1]).toEqual({ phase: 'forward', op: 'square', layer: 'loss' })
  })

  it('names the update of a weight', async () => {
    const model = new Sequential([Input(input), dense('only')]).compile({
      loss: 'mse',
      optimizer: new SGD({ learningRate: 1e38 }),
    })
    const [message, origin] = await found(model, {}, [x.mul(100), x])
    expect(origin).toEqual({ phase: 'update', op: 'sgd', layer: 'only' })
    expect(message).toContain("weight 'kernel' of layer 'only' holds Infinity (4 of 4 elements are not finite)")
  })

  it('names the data', async () => {
    const model = new Sequential([Input(input), dense('only')]).compile({ loss: 'mse' })
    const broken = tensor([
      [1, 2],
      [3, 4],
      [5, 6],
      [7, Number.NaN],
    ])
    const good = tensor([
      [1, 1],
      [1, 1],
      [1, 1],
      [1, 1],
    ])
    for (const [name, data] of [
      ['x', [broken, good]],
      ['y', [good, broken]],
    ] as [string, [Tensor, Tensor]][]) {
      const [message, origin] = await found(model, {}, data)
      expect(origin).toBeUndefined()
      expect(message).toBe(
        `fit: epoch 1, batch 1: the data ${name} holds NaN (1 of 4 elements are not finite), first in sample 1 of the batch`,
      )
    }
  })

  it('finds it in a step of your own', async () => {
    class Mine extends Model {
      readonly dense = dense('mine')
      override call(given: Tensor): Tensor {
        return this.dense.apply(given).log()
      }
    }
    expect((await found(new Mine().compile({ loss: 'mse' })))[1]).toMatchObject({ phase: 'forward', op: 'log' })
  })

  it('lets infinities pass that come to nothing, and gives what fit gives without it', async () => {
    const build = (): Model => {
      setSeed(1)
      const given = Input({ shape: [4, 2] })
      const seen = new Attention().apply([given, given], { useCausalMask: true })
      // The branch that is not taken holds infinities.
      const safe = new Lambda({
        function: (z: Tensor) => z.greater(0).where(z.maximum(1e-3).log(), 0).add(z.abs().div(0).mul(0).isnan().where(0, 1)),
      })
      const model = new Model({ inputs: given, outputs: new Dense({ units: 1 }).apply(safe.apply(seen)) })
      return model.compile({ loss: 'mse', metrics: ['mae'], optimizer: new SGD({ learningRate: 0.1 }) })
    }
    const data = [random.normal([6, 4, 2]), random.normal([6, 4, 1])] as const
    const options = { verbose: 0, epochs: 3, batchSize: 3, shuffle: false } as const
    const [watched, plain] = [build(), build()]
    const { history } = await watched.fit(...data, { ...options, debugNaN: true })
    expect(history).toEqual((await plain.fit(...data, options)).history)
    expect(watched.getWeights().map((w) => w.toArray())).toEqual(plain.getWeights().map((w) => w.toArray()))
    // Nothing is left of the watching.
    for (const layer of [watched, ...watched.layers, watched.optimizer]) {
      for (const method of ['call', 'computeLoss', 'apply']) expect(Object.hasOwn(layer, method)).toBe(false)
    }
  })
})
