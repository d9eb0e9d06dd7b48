import { GradientTape } from '@typegrad/autograd'
import {
  Activation,
  Bidirectional,
  clearSession,
  Dense,
  deserializeLayer,
  Dropout,
  EinsumDense,
  Embedding,
  Hashing,
  Input,
  InputLayer,
  Layer,
  LSTM,
  Masking,
  registerLayer,
  regularizers,
  required,
  serializeLayer,
  StringLookup,
  TimeDistributed,
  type AnyLayer,
  type CallContext,
  type CallOptions,
  type Defaults,
  type LayerOptions,
} from '@typegrad/layers'
import { Model, Sequential } from '@typegrad/model'
import { ones, random, setSeed, tensor, TypegradError, ValueError, zeros, type Tensor, type Variable } from '@typegrad/tensor'
import { beforeEach, describe, expect, it } from 'vitest'
import { layerConformance } from './keras-case.ts'
import { testLayers } from './table.ts'

layerConformance('core')

testLayers([
  {
    name: 'Dense',
    make: (o) => new Dense({ units: 3, activation: 'tanh', kernelRegularizer: 'l2', ...o }),
    input: [4],
    mask: 'passed',
  },
  {
    name: 'Dense over steps',
    make: (o) => new Dense({ units: 2, useBias: false, activityRegularizer: 'l1', ...o }),
    input: [3, 4],
    mask: 'passed',
  },
  { name: 'Activation', make: (o) => new Activation({ activation: 'swish', ...o }), input: [3, 2], mask: 'passed' },
  { name: 'Dropout', make: (o) => new Dropout({ rate: 0.5, seed: 1, ...o }), input: [6, 2], mask: 'passed', random: true },
  {
    name: 'EinsumDense',
    make: (o) => new EinsumDense({ equation: 'abc,cd->abd', outputShape: [null, 2], biasAxes: 'd', ...o }),
    input: [3, 4],
  },
  {
    name: 'EinsumDense, dots before',
    make: (o) => new EinsumDense({ equation: '...x,xy->...y', outputShape: 2, biasAxes: 'y', activation: 'sigmoid', ...o }),
    input: [2, 3, 4],
  },
  {
    name: 'EinsumDense, dots after',
    make: (o) => new EinsumDense({ equation: 'ab...,bc->ac...', outputShape: 3, biasAxes: 'c', ...o }),
    input: [4, 2, 2],
  },
  {
    name: 'EinsumDense with heads',
    make: (o) => new EinsumDense({ equation: 'abc,cde->aebd', outputShape: [2, null, 3], biasAxes: 'ed', ...o }),
    input: [3, 2],
  },
  { name: 'Embedding', make: (o) => new Embedding({ inputDim: 5, outputDim: 3, ...o }), input: [4], integers: 5 },
  {
    name: 'Embedding with a mask',
    make: (o) => new Embedding({ inputDim: 4, outputDim: 2, maskZero: true, ...o }),
    input: [3],
    integers: 4,
    mask: 'made',
  },
  { name: 'Masking', make: (o) => new Masking({ maskValue: 0.25, ...o }), input: [3, 2], mask: 'made' },
])

const { L2 } = regularizers

beforeEach(() => {
  clearSession()
  setSeed(2)
})

interface ScaleOptions extends LayerOptions {
  readonly factor: number
  readonly offset?: number | null
  readonly mergeMode?: string
}

/** A layer as a user writes one. */
class Scale extends Layer<ScaleOptions> {
  static override readonly defaults = { factor: required, offset: null, mergeMode: 'sumOfAll' } satisfies Defaults<ScaleOptions>
  gain!: Variable

  override build(): void {
    this.gain = this.addWeight([], { initializer: 'ones', regularizer: 'l2', constraint: 'nonNeg' })
  }

  call(x: Tensor): Tensor {
    return x
      .mul(this.gain)
      .mul(this.options.factor)
      .add(this.options.offset ?? 0)
  }
}

describe('options', () => {
  it('are filled with the defaults of the class', () => {
    expect(new Scale({ factor: 2 }).options).toEqual({ factor: 2, offset: null, mergeMode: 'sumOfAll' })
    expect(new Dense({ units: 1, activation: undefined as never }).options.activation).toBe(null)
    expect(new LSTM({ units: 2 }).options).toMatchObject({
      recurrentActivation: 'sigmoid',
      returnSequences: false,
      unitForgetBias: true,
    })
  })

  it.each<[string, () => unknown, string]>([
    [
      'an unknown one',
      () => new Dense({ units: 1, useBais: false } as { units: number }),
      'Dense: unknown option useBais, did you mean useBias?',
    ],
    [
      'several',
      () => new LSTM({ units: 1, a: 1, b: 2 } as { units: number }),
      'LSTM: unknown options a, b, known are returnSequences,',
    ],
    [
      'a prototype',
      () => new Dense(JSON.parse('{"units":1,"__proto__":{"x":1}}') as { units: number }),
      'Dense: unknown option __proto__',
    ],
    ['a missing one', () => new Scale({} as ScaleOptions), 'Scale: factor must be given'],
    ['one of none', () => new Dense({ units: -4 }), 'Dense: units must be a positive integer, got -4'],
  ])('refuse %s', (_, f, message) => {
    expect(f).toThrow(ValueError)
    expect(f).toThrow(message)
  })

  it('of a class without defaults are not checked', () => {
    class Free extends Layer<LayerOptions & { readonly anything?: number }> {
      call(x: Tensor): Tensor {
        return x.mul(this.options.anything)
      }
    }
    expect(new Free({ anything: 3 }).apply([[2]]).toArray()).toEqual([[6]])
    expect(new Free({ anything: 3 }).getConfig()).toMatchObject({ name: 'free_1', anything: 3 })
  })
})

describe('configs', () => {
  it('name options as Keras does', () => {
    expect(new Scale({ factor: 2, name: 's', trainable: false }).getConfig()).toEqual({
      name: 's',
      trainable: false,
      dtype: { module: 'keras', class_name: 'DTypePolicy', config: { name: 'float32' }, registered_name: null },
      factor: 2,
      offset: null,
      merge_mode: 'sum_of_all',
    })
    expect(
      new Dense({ units: 1, activation: 'swish', kernelRegularizer: new L2({ l2: 0.5 }), biasConstraint: 'nonNeg' }).getConfig(),
    ).toMatchObject({
      activation: 'silu',
      kernel_regularizer: { module: 'keras.regularizers', class_name: 'L2', config: { l2: 0.5 } },
      bias_constraint: { module: 'keras.constraints', class_name: 'NonNeg', config: {} },
    })
    expect(new Dense({ units: 1, activityRegularizer: 'l1' }).getConfig()).toHaveProperty('activity_regularizer.class_name', 'L1')
  })

  it('know the layers of this package by name, and yours when they are registered or given', () => {
    const layer = new TimeDistributed({ layer: new Scale({ factor: 3 }) })
    layer.buildFor([null, 2, 3])
    const written = JSON.parse(JSON.stringify(serializeLayer(layer))) as ReturnType<typeof serializeLayer>
    expect(written).toMatchObject({
      module: 'keras.layers',
      class_name: 'TimeDistributed',
      registered_name: null,
      build_config: { input_shape: [null, 2, 3] },
    })
    expect(written.config['layer']).toMatchObject({ module: null, class_name: 'Scale', registered_name: 'Custom>Scale' })
    expect(() => deserializeLayer(written)).toThrow("unknown layer 'Scale'; give its class: { Scale }, or registerLayer(Scale)")
    const given = deserializeLayer(written, { Scale }) as TimeDistributed
    expect(given.layer).toBeInstanceOf(Scale)
    registerLayer(Scale, { package: 'mine' })
    const registered = serializeLayer(layer)
    expect(registered.config['layer']).toMatchObject({ registered_name: 'mine>Scale' })
    expect((deserializeLayer(registered) as TimeDistributed).layer).toBeInstanceOf(Scale)
    expect(Scale.fromConfig({ factor: 4, merge_mode: 'sum_of_all' }).options.factor).toBe(4)
  })

  it('of inputs have their batch shape', () => {
    const config = new InputLayer({ shape: [3], batchSize: 2, dtype: 'int32', name: 'in' }).getConfig()
    expect(config).toEqual({ batch_shape: [2, 3], dtype: 'int32', sparse: false, ragged: false, name: 'in', optional: false })
    expect(InputLayer.fromConfig(config).getConfig()).toEqual(config)
    expect(Input({ shape: [null, 2], batchSize: 4 }).shape).toEqual([4, null, 2])
  })

  it.each<[string, () => unknown, RegExp]>([
    ['a name that is no class', () => deserializeLayer({ class_name: 'constructor', config: {} }), /unknown layer 'constructor'/],
    ['__proto__', () => deserializeLayer({ class_name: '__proto__', config: {} }), /unknown layer '__proto__'/],
    [
      'what is no config',
      () => deserializeLayer({ class_name: 'Dense' } as unknown as ReturnType<typeof serializeLayer>),
      /expected \{ class_name, config \}/,
    ],
    ['options that the class lacks', () => Dense.fromConfig({ units: 2, use_bais: false }), /unknown option useBais/],
    [
      'values that it does not support',
      () => Dense.fromConfig({ units: 2, quantization_config: { mode: 'int8' } }),
      /quantization_config .* is not supported, only null/,
    ],
    [
      'an unknown initializer',
      () => Dense.fromConfig({ units: 2, kernel_initializer: { class_name: 'toString', config: {} } }),
      /initializer/,
    ],
  ])('refuse %s', (_, f, message) => {
    expect(f).toThrow(TypegradError)
    expect(f).toThrow(message)
  })

  it('cannot hold functions', () => {
    expect(() => new Dense({ units: 1, activation: (x) => x.mul(2) }).getConfig()).toThrow(/function of yours/)
    expect(() => new Dense({ units: 1, kernelRegularizer: (x) => x.sum() }).getConfig()).toThrow(/function cannot be written/)
  })

  it('make copies whose wrapped layers are their own', () => {
    const layer = new Bidirectional({ layer: new LSTM({ units: 2, name: 'inner' }) })
    const copy = Bidirectional.fromConfig(layer.getConfig())
    expect(copy.forwardLayer).not.toBe(layer.forwardLayer)
    expect(copy.forwardLayer.name).toBe('forward_inner')
    expect(copy.getConfig()).toEqual(layer.getConfig())
  })
})

describe('dtype', () => {
  it('is float32 for inputs of either float, and float64 where it is asked for', () => {
    const x = tensor([[1, 2]], { dtype: 'float64' })
    expect(new Dense({ units: 2 }).apply(x).dtype).toBe('float32')
    const layer = new Dense({ units: 2, dtype: 'float64' })
    expect(layer.apply(x.cast('float32')).dtype).toBe('float64')
    expect(layer.kernel.dtype).toBe('float64')
    // Gradients come back in the dtype of the input.
    const tape = new GradientTape()
    tape.watch(x)
    const loss = tape.run(() => new Dense({ units: 2 }).apply(x).sum())
    expect(tape.gradient(loss, x)!.dtype).toBe('float64')
  })
})

describe('traceable', () => {
  const make = (): AnyLayer[] => [
    new Dense({ units: 2 }),
    new LSTM({ units: 2 }),
    new LSTM({ units: 2, stateful: true }),
    new Bidirectional({ layer: new LSTM({ units: 2, stateful: true }) }),
    new StringLookup({ vocabulary: ['a'] }),
    new Hashing({ numBins: 2 }),
  ]

  it('says whether a call can be recorded once for all inputs of a shape', () => {
    expect(make().map((layer) => layer.traceable)).toEqual([true, true, true, true, false, false])
  })

  it('is false for what holds a layer that is not', () => {
    class Looking extends Dense {
      static override readonly traceable = false
    }
    const models = [Dense, Looking].map((Last) => new Sequential([new Dense({ units: 2 }), new Last({ units: 1 })]))
    expect(models.map((model) => model.traceable)).toEqual([true, false])
    expect(new TimeDistributed({ layer: new Looking({ units: 1 }) }).traceable).toBe(false)
  })
})

describe('losses', () => {
  it('are what the last call added, then the penalties of the weights', () => {
    const layer = new Dense({
      units: 1,
      useBias: false,
      kernelInitializer: 'ones',
      kernelRegularizer: new L2({ l2: 1 }),
      activityRegularizer: new L2({ l2: 1 }),
    })
    const model = new Sequential([layer])
    expect(model.losses).toEqual([])
    for (const x of [
      [[1], [3]],
      [[2], [4]],
    ]) {
      model.apply(x)
      // The activity's is divided by the batch size.
      expect(model.losses.map((loss) => loss.item())).toEqual([(x[0][0] ** 2 + x[1][0] ** 2) / 2, 1])
    }
    layer.trainable = false
    model.apply([[1], [3]])
    expect(model.losses.map((loss) => loss.item())).toEqual([5])
  })

  it('of a layer that is called twice are both there', () => {
    class Twice extends Layer {
      readonly inner = new Activation({ activation: 'linear', activityRegularizer: new L2({ l2: 1 }) })
      call(x: Tensor, { training }: CallContext): Tensor {
        return this.inner.apply(this.inner.apply(x, { training }).mul(2), { training })
      }
    }
    const layer = new Twice()
    layer.apply([[3]])
    expect(layer.losses.map((loss) => loss.item())).toEqual([9, 36])
  })

  it('reach fit', async () => {
    const make = (activityRegularizer: regularizers.L2 | null): Sequential =>
      new Sequential([new Dense({ units: 1, kernelInitializer: 'ones', activityRegularizer })]).compile({ loss: 'mse' })
    const [x, y] = [tensor([[1], [2]]), tensor([[1], [2]])]
    expect((await make(null).evaluate(x, y, { verbose: 0 }))['loss']).toBeCloseTo(0, 6)
    expect((await make(new L2({ l2: 2 })).evaluate(x, y, { verbose: 0 }))['loss']).toBeCloseTo(5, 6)
  })
})

describe('a functional model', () => {
  it('hands symbolic arguments of a call to it', () => {
    class Shift extends Layer<LayerOptions, Tensor, CallContext & { readonly by?: unknown }> {
      call(x: Tensor, { by }: CallContext & { readonly by?: unknown }): Tensor {
        return (by as Tensor[]).reduce((sum, one) => sum.add(one), x)
      }
    }
    const [a, b, c] = [Input({ shape: [2] }), Input({ shape: [2] }), Input({ shape: [2] })]
    const y = new Shift().apply(a, { by: [b, c] })
    const model = new Model({ inputs: [a, b, c], outputs: y })
    expect((model.apply([tensor([[1, 2]]), tensor([[10, 20]]), tensor([[100, 200]])]) as Tensor).toArray()).toEqual([[111, 222]])
    expect(y.node!.positional).toBe(1)
  })

  it('keeps the training mode that a call was given', () => {
    const x = Input({ shape: [64] })
    const layer = new Dropout({ rate: 0.5 })
    const model = new Model({ inputs: x, outputs: [layer.apply(x, { training: false }), layer.apply(x)] })
    const [still, dropped] = model.apply(random.uniform([1, 64]).add(1), { training: true }) as Tensor[]
    expect(still.equal(0).any().item()).toBe(0)
    expect(dropped.equal(0).any().item()).toBe(1)
  })
})

describe('a class that does not say what comes out', () => {
  const x = Input({ shape: [null, 5] })

  it('is run on zeros: shapes that follow unknown lengths, dtypes, and the layers within, built', () => {
    class Network extends Layer<{ units: number }> {
      readonly inner = new Sequential([new Dense({ units: 8 }), new Dense({ units: this.options.units })])
      call(given: Tensor): Tensor {
        return this.inner.apply(given)
      }
    }
    const network = new Network({ units: 3, name: 'network' })
    const y = network.apply(x)
    expect([y.shape, y.dtype, network.countParams()]).toEqual([[null, null, 3], 'float32', 75])
    expect(network.computeOutputShape([null, 7, 5])).toEqual([null, 7, 3])
    const model = new Model({ inputs: x, outputs: y })
    for (const steps of [4, 9]) expect((model.apply(zeros([2, steps, 5])) as Tensor).shape).toEqual([2, steps, 3])

    class Last extends Layer {
      call(given: Tensor): Tensor {
        return given.slice(null, -1).argmax(-1)
      }
    }
    const last = new Last().apply(x)
    expect([last.shape, last.dtype]).toEqual([[null], 'int32'])
  })

  it('may give several, and take symbolic tensors among its further arguments', () => {
    class Both extends Layer<object, Tensor[]> {
      call(given: Tensor, { other }: CallContext & { other?: Tensor }): Tensor[] {
        return [given.sum(1).add(other!), given.mean([1, 2])]
      }
    }
    const other = Input({ shape: [5] })
    const [sum, mean] = new Both().apply(x, { other } as CallOptions)
    expect([sum.shape, mean.shape]).toEqual([[null, 5], [null]])
    const model = new Model({ inputs: [x, other], outputs: [sum, mean] })
    const [a, b] = model.apply([ones([2, 3, 5]), ones([2, 5])]) as Tensor[]
    expect([a.toArray()[0], b.toArray()]).toEqual([
      [4, 4, 4, 4, 4],
      [1, 1],
    ])
  })

  it('keeps nothing of that: neither what it assigns nor its losses', () => {
    class Count extends Layer {
      readonly seen = this.addWeight([], { initializer: 'zeros', trainable: false })
      call(given: Tensor): Tensor {
        this.seen.assign(this.seen.add(1))
        this.addLoss(given.square().sum())
        return given.slice(null, 0)
      }
    }
    const layer = new Count()
    expect(layer.apply(x).shape).toEqual([null, 5])
    expect([layer.seen.item(), layer.losses.length]).toEqual([0, 0])
    layer.apply(ones([1, 2, 5]))
    expect([layer.seen.item(), layer.losses.map((loss) => loss.item())]).toEqual([1, [10]])
  })

  it('says where its call fails', () => {
    class Wrong extends Layer {
      call(given: Tensor): Tensor {
        return given.matmul(ones([3, 2]))
      }
    }
    expect(() => new Wrong({ name: 'wrong' }).apply(x)).toThrow(/inner sizes 5 and 3 differ \(in layer 'wrong'\)/)
  })
})

it('names layers as Keras does', () => {
  const names: AnyLayer[] = [
    new LSTM({ units: 1 }),
    new TimeDistributed({ layer: new Dense({ units: 1 }) }),
    new Masking(),
    new Masking(),
  ]
  expect(names.map(({ name }) => name)).toEqual(['lstm', 'time_distributed', 'masking', 'masking_1'])
})
