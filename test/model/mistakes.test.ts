import { BatchNormalization, Dense, Input, Layer } from '@typegrad/layers'
import { EarlyStopping, Model, ModelCheckpoint, Sequential, type FitOptions } from '@typegrad/model'
import { Adam } from '@typegrad/optim'
import { csr, tensor, TypegradError, ValueError, type Tensor } from '@typegrad/tensor'
import { expect, it, test } from 'vitest'

const compiled = (): Sequential =>
  new Sequential([new Dense({ units: 1, inputDim: 2, name: 'price' })]).compile({ optimizer: 'sgd', loss: 'mse' })
const fit = (x: unknown, y: unknown, options: object = {}): Promise<unknown> =>
  compiled().fit(x as Tensor, y as Tensor, { verbose: 0, ...options })
const wrong = (value: unknown): never => value as never

class Scale extends Layer {
  override build(): void {
    this.addWeight(wrong({ shape: [1], initializer: 'ones' }))
  }

  override call(x: Tensor): Tensor {
    return x
  }
}

/** What people mistype, and what they are told. */
const mistakes: readonly [string, () => unknown, RegExp][] = [
  [
    'a number for options',
    () => new Adam(wrong(0.01)),
    /^Adam: takes an object of options, \{ learningRate, weightDecay, clipnorm, … \}, got 0\.01$/,
  ],
  ['units alone', () => new Dense(wrong(32)), /^Dense: takes an object of options, \{ units, activation, useBias, … \}, got 32$/],
  [
    'an initializer that is none',
    () => new Dense({ units: 1, kernelInitializer: wrong('he-normal') }),
    /'he-normal', did you mean 'heNormal'/,
  ],
  ['an Input of nothing', () => Input(wrong(undefined)), /^Input: takes an object of options, .*, got undefined$/],
  [
    'a shape alone',
    () => Input(wrong([3])),
    /^Input: takes an object of options, \{ shape, dtype, batchSize, name \}, got a list of 1$/,
  ],
  ['epochs alone', () => compiled().fit([[1, 2]], [[1]], wrong(5)), /^fit: takes an object of options/],
  ['a layer without a list', () => new Sequential(wrong(new Dense({ units: 1 }))), /takes a list of layers/],
  ['a layer by name', () => new Sequential().add(wrong('dense')), /expected a layer, .*, got the string "dense"/],
  [
    'a record for a callback',
    () => fit([[1, 2]], [[1]], { callbacks: [{ onEpochEnd() {} }] }),
    /expected callbacks, .* an object of class Object/,
  ],
  [
    'verbose of evaluate',
    () => compiled().evaluate([[1, 2]], [[1]], { verbose: wrong('no') }),
    /^evaluate: verbose must be 0, 1, 2 or 'auto', got "no"$/,
  ],
  [
    'a batch size of predict',
    () => compiled().predict([[1, 2]], { batchSize: 0 }),
    /^predict: batchSize must be an integer ≥ 1, got 0$/,
  ],
  [
    'outputs of records of records',
    () => new Model(wrong({ inputs: Input({ shape: [1] }), outputs: { y: { z: Input({ shape: [1] }) } } })),
    /^Model: inputs and outputs are what .* an object of class Object$/,
  ],
  [
    'options for a weight without a shape',
    () => new Scale().apply([[1]]),
    /^addWeight: expected a shape .* an object of class Object/,
  ],
  ['true in words', () => new Dense({ units: 1, useBias: wrong('no') }), /^Dense: useBias must be true or false, got .*no/],
  [
    'a number in quotes',
    () => new BatchNormalization({ momentum: wrong('0.9') }),
    /^BatchNormalization: momentum must be a number, got .*0\.9/,
  ],
  ['a class for a callback', () => fit([[1, 2]], [[1]], { callbacks: EarlyStopping }), /expected callbacks, .* function/],
  ['x alone to validate', () => fit([[1, 2]], [[1]], { validationData: tensor([[1, 2]]) }), /validationData is \[x, y\]/],
  ['loud', () => fit([[1, 2]], [[1]], { verbose: 'loud' }), /verbose must be 0, 1, 2 or 'auto', got "loud"/],
  [
    'weights by name',
    () => fit([[1, 2]], [[1]], { classWeight: { cat: 1 } }),
    /has .*1 for 'cat', expected weights ≥ 0 by class/,
  ],
  ['no targets', () => fit([[1, 2]], null), /^data: no targets y for the output 'price'/],
  ['a figure with no direction', () => new EarlyStopping({ monitor: 'valStrange' }), /more or less 'valStrange' is better/],
  [
    'NaN in x',
    () =>
      fit(
        [
          [1, 2],
          [3, NaN],
          [NaN, 1],
        ],
        [[1], [2], [3]],
      ),
    /^data: x \[3, 2\] holds NaN at \[1, 1\], 2 of 6 numbers/,
  ],
  [
    'infinity in y',
    () =>
      fit(
        [
          [1, 2],
          [3, 4],
        ],
        [[1], [-Infinity]],
      ),
    /^data: y \[2, 1\] holds -Infinity at \[1, 0\]/,
  ],
  [
    'NaN in a view',
    () =>
      fit(
        tensor([
          [1, NaN, 2],
          [3, 4, NaN],
        ]).slice(null, [null, null, -2]),
        [[1], [2]],
      ),
    /^data: x \[2, 2\] holds NaN at \[1, 0\]/,
  ],
  [
    'NaN in sparse rows',
    () =>
      fit(
        csr([
          [0, 1],
          [NaN, 0],
        ]),
        [[1], [2]],
      ),
    /^data: x \[2, 2\] holds NaN at \[1, 0\]/,
  ],
]

for (const [name, make, message] of mistakes)
  test(`${name}: says what is wrong`, async () => {
    const error: unknown = await Promise.resolve()
      .then(make)
      .then(
        () => undefined,
        (thrown: unknown) => thrown,
      )
    expect(error).toBeInstanceOf(TypegradError)
    expect((error as Error).message).toMatch(message)
  })

it('changes nothing when data is refused, and takes NaN where it is told so', async () => {
  const model = compiled()
  const data: [Tensor, Tensor] = [
    tensor([
      [1, NaN],
      [1, 2],
    ]),
    tensor([[1], [2]]),
  ]
  const weights = (): unknown => model.getWeights().map((weight) => weight.toArray() as unknown)
  const before = weights()
  await expect(model.fit(...data, { verbose: 0 })).rejects.toThrow(ValueError)
  expect(weights()).toEqual(before)
  await model.fit(...data, { verbose: 0, allowNaN: true })
  expect(weights()).toEqual([[[NaN], [NaN]], [NaN]])
})

it('refuses no numbers for being so large that their sum is not one', async () => {
  const options: FitOptions = { verbose: 0, epochs: 0 }
  await expect(compiled().fit([[3e38, 3e38]], [[1]], options)).resolves.toBeDefined()
})

it('knows figures by our spelling, too', async () => {
  const stopping = new EarlyStopping({ monitor: 'valLoss', patience: 0 })
  await compiled().fit(
    [
      [1, 2],
      [3, 4],
    ],
    [[1], [2]],
    { verbose: 0, validationSplit: 0.5, callbacks: [stopping] },
  )
  expect(stopping.best).toBeGreaterThan(0)
  expect(() => new ModelCheckpoint('{epoch}', { monitor: 'valAccuracy', saveBestOnly: true })).not.toThrow()
})

it('makes an Input with and without new', () => {
  const Made = Input as unknown as new (options: { shape: number[] }) => ReturnType<typeof Input>
  expect(new Made({ shape: [3] }).shape).toEqual([null, 3])
})
