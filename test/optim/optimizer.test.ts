import {
  Adadelta,
  Adam,
  AdamW,
  CosineDecay,
  CosineDecayRestarts,
  deserializeOptimizer,
  ExponentialDecay,
  Ftrl,
  LearningRateSchedule,
  Lion,
  Muon,
  Nadam,
  Optimizer,
  optimizers,
  PiecewiseConstantDecay,
  resolveOptimizer,
  serializeOptimizer,
  SGD,
  zip,
  type OptimizerOptions,
  type ScheduleOptions,
} from '@typegrad/optim'
import { ShapeError, tensor, ValueError, Variable, updateKernel, type Tensor, type Update } from '@typegrad/tensor'
import { describe, expect, test } from 'vitest'
import { checkConfig, conformance, golden, type DefaultsCase, type GoldenCase } from '../conformance.ts'

const file = golden<GoldenCase>('optimizers')

conformance('optimizers: defaults', { cases: file['defaults'] as DefaultsCase[], tol: file.tol }, (one) => {
  checkConfig(deserializeOptimizer({ class_name: one.class, config: one.args }).getConfig(), one.config)
})

const vector = (...values: number[]): Variable => new Variable(tensor(values), { name: 'w' })

describe('names', () => {
  test('are those that Keras understands', () => {
    for (const [name, className] of Object.entries(file['names'] as Record<string, string>)) {
      expect([name, resolveOptimizer(name as 'adam').constructor.name]).toEqual([name, className])
    }
  })

  test('cannot reach anything but the exported classes', () => {
    for (const name of ['__proto__', 'constructor', 'toString', 'Optimizer']) {
      expect(() => resolveOptimizer(name as 'adam')).toThrow(ValueError)
      expect(() => deserializeOptimizer({ class_name: name, config: {} })).toThrow(ValueError)
    }
    expect(() => resolveOptimizer('adma' as 'adam')).toThrow(/did you mean 'adam'/)
    expect(() => resolveOptimizer(7 as never)).toThrow(ValueError)
  })
})

describe('config', () => {
  test.each(Object.entries(optimizers))('%s goes through Keras JSON and back', (name, Class) => {
    const options = { learningRate: 0.25, weightDecay: 0.125, clipnorm: 2, useEma: true, emaMomentum: 0.5, name: 'mine' }
    const made = new Class(options)
    const json = JSON.parse(JSON.stringify(serializeOptimizer(made)))
    expect(json).toMatchObject({ module: 'keras.optimizers', class_name: name, registered_name: null })
    expect(json.config).toMatchObject({ learning_rate: 0.25, weight_decay: 0.125, clipnorm: 2, ema_momentum: 0.5, name: 'mine' })
    expect(serializeOptimizer(deserializeOptimizer(json))).toEqual(json)
  })

  test('holds the schedule, and what the learning rate was set to', () => {
    const made = new SGD({
      learningRate: { class_name: 'InverseTimeDecay', config: { initial_learning_rate: 1, decay_steps: 2, decay_rate: 3 } },
    })
    expect(made.currentLearningRate()).toBe(1)
    expect(made.getConfig()['learning_rate']).toMatchObject({
      class_name: 'InverseTimeDecay',
      module: 'keras.optimizers.schedules',
    })
    made.learningRate = 0.5
    expect(made.getConfig()['learning_rate']).toBe(0.5)
    made.learningRate = () => 0.5
    expect(() => made.getConfig()).toThrow(/is a function/)
  })

  test('rejects options that the class does not have', () => {
    expect(() => SGD.fromConfig({ learning_rate: 1, beta_1: 0.9 })).toThrow(
      /SGD: unknown option beta_1, known are .*learning_rate/,
    )
    expect(() => SGD.fromConfig(JSON.parse('{ "__proto__": { "momentum": 1 } }'))).toThrow(ValueError)
  })

  test('of a class of your own is read with customObjects', () => {
    const json = serializeOptimizer(new Signs({ learningRate: 2, gain: 3 }))
    expect(json).toMatchObject({ class_name: 'Signs', config: { gain: 3, learning_rate: 2 }, registered_name: 'Signs' })
    expect(deserializeOptimizer(json, { Signs })).toBeInstanceOf(Signs)
    expect(() => deserializeOptimizer(json)).toThrow(ValueError)
  })
})

/** What a user writes: a rule, its numbers and its options. */
class Signs extends Optimizer<OptimizerOptions & { readonly gain?: number }> {
  static override readonly defaults = { ...Optimizer.defaults, gain: 1 }
  static readonly kernel = updateKernel(['w', 'total'], ['g', 'rate'], { total: 'total + abs(g)', w: 'w - rate * sign(g)' })

  protected get rule(): Update {
    return Signs.kernel
  }

  protected numbers(rate: number): { rate: number } {
    return { rate: rate * this.options.gain }
  }
}

test('an optimizer of your own needs a rule and its numbers', () => {
  const [w, optimizer] = [vector(1, 2), new Signs({ learningRate: 0.5, gain: 2 })]
  optimizer.apply([tensor([3, -4])], [w])
  optimizer.apply([tensor([3, 0])], [w])
  expect(w.toArray()).toEqual([-1, 3])
  expect(optimizer.slots(w)['total'].toArray()).toEqual([6, 4])
  expect(optimizer.variables.map(({ name }) => name)).toEqual(['w_total'])
})

describe('options that make no sense', () => {
  const wrong: readonly [string, () => unknown][] = [
    ['learningRate is NaN', () => new SGD({ learningRate: NaN })],
    ['learningRate is -1', () => new SGD({ learningRate: -1 })],
    ['learningRate is Infinity', () => new SGD({ learningRate: Infinity })],
    ['learningRate is "0.1"', () => new SGD({ learningRate: '0.1' as never })],
    ['learningRate is {}', () => new SGD({ learningRate: {} as never })],
    ['momentum is NaN', () => new SGD({ momentum: NaN })],
    ['momentum is 1.5', () => new SGD({ momentum: 1.5 })],
    ['momentum is "0.9"', () => new SGD({ momentum: '0.9' as never })],
    ['nesterov is 1', () => new SGD({ nesterov: 1 as never })],
    ['beta1 is NaN', () => new Adam({ beta1: NaN })],
    ['beta2 is 1', () => new Adam({ beta2: 1 })],
    ['epsilon is -1', () => new Adam({ epsilon: -1 })],
    ['weightDecay is NaN', () => new Adam({ weightDecay: NaN })],
    ['weightDecay is null', () => new AdamW({ weightDecay: null })],
    ['beta1 is 0', () => new Lion({ beta1: 0 })],
    ['clipnorm is 0', () => new Adam({ clipnorm: 0 })],
    ['clipvalue is NaN', () => new Adam({ clipvalue: NaN })],
    ['clipnorm and clipvalue are given', () => new Adam({ clipnorm: 1, clipvalue: 1 })],
    ['emaMomentum is 2', () => new Adam({ useEma: true, emaMomentum: 2 })],
    ['emaOverwriteFrequency is 0.5', () => new Adam({ useEma: true, emaOverwriteFrequency: 0.5 })],
    ['gradientAccumulationSteps is 1', () => new Adam({ gradientAccumulationSteps: 1 })],
    ['lossScaleFactor is 0', () => new Adam({ lossScaleFactor: 0 })],
    ['learningRatePower is 1', () => new Ftrl({ learningRatePower: 1 })],
    ['rho is NaN', () => new Adadelta({ rho: NaN })],
    ['nsSteps is 1.5', () => new Muon({ nsSteps: 1.5 })],
  ]
  test.each(wrong)('%s', (message, make) => {
    expect(make).toThrow(ValueError)
    expect(make).toThrow(message)
  })
})

describe('a step', () => {
  test('asks a schedule or a function for its learning rate, and stops at NaN', () => {
    const [w, optimizer] = [vector(0), new SGD({ learningRate: (step) => (step < 2 ? step + 1 : NaN) })]
    optimizer.apply([tensor([1])], [w])
    optimizer.apply([tensor([1])], [w])
    expect(w.toArray()).toEqual([-3])
    expect(() => optimizer.apply([tensor([1])], [w])).toThrow(/learning rate of step 2 is NaN/)
    expect(() => (optimizer.learningRate = NaN)).toThrow(ValueError)
    expect(w.toArray()).toEqual([-3])
  })

  test('leaves variables without a gradient alone, and needs one at least', () => {
    const [a, b] = [vector(1), vector(2)]
    new SGD({ learningRate: 1 }).apply([undefined, tensor([1])], [a, b])
    expect([a.toArray(), b.toArray()]).toEqual([[1], [1]])
    expect(() => new SGD().apply([null, undefined], [a, b])).toThrow(/no gradient is given for any of 2 variables/)
    expect(() => new SGD().apply([], [a])).toThrow(/0 gradients for 1 variables/)
  })

  test('changes nothing when a gradient does not fit', () => {
    const [a, b, optimizer] = [vector(1), vector(2, 3), new SGD({ learningRate: 1 })]
    expect(() => optimizer.apply([tensor([1]), tensor([1])], [a, b])).toThrow(ShapeError)
    expect(a.toArray()).toEqual([1])
    expect(optimizer.iterations).toBe(0)
  })

  test('takes pairs, integers and nested arrays', () => {
    const w = vector(1, 2)
    new SGD({ learningRate: 1 }).applyGradients(zip([[1, 1]], [w]))
    new SGD({ learningRate: 1 }).apply([tensor([1, 0], { dtype: 'int32' })], [w])
    expect(w.toArray()).toEqual([-1, 1])
    expect(() => zip([1], [])).toThrow(ValueError)
  })

  test('applies constraints and keeps dtypes', () => {
    const w = new Variable(tensor([1, -1], { dtype: 'float64' }))
    w.constraint = (value) => value.maximum(0)
    const optimizer = new Adam({ learningRate: 0.5 })
    optimizer.apply([tensor([1, 1])], [w])
    expect(w.dtype).toBe('float64')
    expect(w.toArray()[1]).toBe(0)
    expect(optimizer.slots(w)['velocity'].dtype).toBe('float64')
  })

  test('of a variable without elements, or of none', () => {
    const [empty, scalar] = [new Variable(tensor([], { shape: [0, 3] })), new Variable(tensor(2))]
    for (const Class of Object.values(optimizers)) {
      new Class().apply([tensor([], { shape: [0, 3] }), tensor(1)], [empty, scalar])
      expect(empty.shape).toEqual([0, 3])
      expect(Number.isFinite(scalar.item())).toBe(true)
    }
  })
})

describe('clipping', () => {
  const g = [tensor([3, 4]), tensor([0, 12])]
  const moved = (options: OptimizerOptions): number[][] => {
    const variables = [vector(0, 0), vector(0, 0)]
    new SGD({ learningRate: 1, ...options }).apply(g, variables)
    return variables.map((w) => (w.toArray() as number[]).map((x) => Math.abs(Math.round(x * 1e5) / 1e5)))
  }

  test('by value, by norm and by the norm of all', () => {
    expect(moved({ clipvalue: 3.5 })).toEqual([
      [3, 3.5],
      [0, 3.5],
    ])
    expect(moved({ clipnorm: 6 })).toEqual([
      [3, 4],
      [0, 6],
    ])
    expect(moved({ globalClipnorm: 6.5 })).toEqual([
      [1.5, 2],
      [0, 6],
    ])
    expect(moved({ globalClipnorm: 13.5 })).toEqual([
      [3, 4],
      [0, 12],
    ])
  })

  test('of a gradient of zeros does nothing; of one that is not finite shows', () => {
    const w = vector(1)
    new SGD({ clipnorm: 1 }).apply([tensor([0])], [w])
    expect(w.toArray()).toEqual([1])
    const [a, b] = [vector(1), vector(1)]
    new SGD({ globalClipnorm: 1 }).apply([tensor([Infinity]), tensor([1])], [a, b])
    expect([a.item(), b.item()]).toEqual([NaN, NaN])
  })
})

describe('weight decay', () => {
  test('spares variables by name or by being given', () => {
    const [kernel, bias, other] = ['kernel', 'bias', 'kernel'].map((name) => new Variable(tensor([1]), { name }))
    const optimizer = new SGD({ learningRate: 1, weightDecay: 0.5 })
    optimizer.excludeFromWeightDecay({ varList: [other], varNames: ['^bi', /never/] })
    optimizer.apply([tensor([0]), tensor([0]), tensor([0])], [kernel, bias, other])
    expect([kernel, bias, other].map((w) => w.item())).toEqual([0.5, 1, 1])
  })
})

describe('the moving average', () => {
  test('begins with the first value, and replaces the variables in the end', () => {
    const [w, optimizer] = [vector(0), new SGD({ learningRate: 1, useEma: true, emaMomentum: 0.5 })]
    for (const g of [-1, -1, -2]) optimizer.apply([tensor([g])], [w])
    expect(w.item()).toBe(4)
    expect(optimizer.slots(w)['average'].item()).toBe(0.5 * (0.5 * 1 + 0.5 * 2) + 0.5 * 4)
    optimizer.finalizeVariableValues()
    expect(w.item()).toBe(2.75)
    // They do not share memory from then on.
    optimizer.apply([tensor([1])], [w])
    expect(optimizer.slots(w)['average'].item()).toBe(0.5 * 2.75 + 0.5 * 1.75)
  })

  test('is of no consequence without useEma', () => {
    const [w, optimizer] = [vector(1), new SGD()]
    optimizer.finalizeVariableValues([w])
    expect(w.item()).toBe(1)
    expect(optimizer.slots(w)).toEqual({})
  })
})

describe('gradient accumulation', () => {
  test('steps with the mean gradient, and counts iterations', () => {
    const [w, optimizer] = [vector(0), new SGD({ learningRate: 1, gradientAccumulationSteps: 3 })]
    const seen = [3, 6, 0, 9, 9, 9].map((g) => {
      optimizer.apply([tensor([g])], [w])
      return [w.item(), optimizer.iterations]
    })
    expect(seen).toEqual([
      [0, 0],
      [0, 0],
      [-3, 1],
      [-3, 1],
      [-3, 1],
      [-12, 2],
    ])
    expect(optimizer.steps).toBe(6)
    optimizer.iterations = 5
    expect(optimizer.steps).toBe(15)
  })

  test('of equal gradients is the same as without', () => {
    const run = (options: object, times: number): number[] => {
      const [w, optimizer] = [vector(1, -2), new Nadam({ learningRate: 0.1, ...options })]
      for (let i = 0; i < 4; i++) for (let k = 0; k < times; k++) optimizer.apply([tensor([i + 1, -i])], [w])
      return w.toArray()
    }
    run({ gradientAccumulationSteps: 4 }, 4).forEach((x, i) => expect(x).toBeCloseTo(run({}, 1)[i], 5))
  })
})

test('the schedule of Nadam follows the iteration that is set', () => {
  const optimizer = new Nadam({ learningRate: 0.1 })
  const product = (): number => {
    optimizer.apply([tensor([1])], [vector(1)])
    return optimizer.variables.at(-1)!.item()
  }
  const [first, second] = [product(), product()]
  optimizer.iterations = 0
  expect(product()).toBe(first)
  optimizer.iterations = 1
  expect(product()).toBe(second)
  expect(second).toBeLessThan(first)
})

test('the loss scale does not change the steps', () => {
  const [w, optimizer] = [vector(1), new SGD({ learningRate: 1, lossScaleFactor: 1024 })]
  expect(optimizer.scaleLoss(tensor(2)).item()).toBe(2048)
  optimizer.apply([tensor([1024 * 0.25])], [w])
  expect(w.item()).toBe(0.75)
  expect(new SGD().scaleLoss(tensor(2)).item()).toBe(2)
})

describe('schedules', () => {
  test('reject numbers that make no sense', () => {
    expect(() => new ExponentialDecay({ initialLearningRate: NaN, decaySteps: 1, decayRate: 1 })).toThrow(ValueError)
    expect(() => new ExponentialDecay({ initialLearningRate: 1, decaySteps: 0, decayRate: 1 })).toThrow(
      /decaySteps must be positive/,
    )
    expect(() => new ExponentialDecay({ initialLearningRate: 1, decaySteps: 1 } as never)).toThrow(/decayRate is undefined/)
    expect(() => new CosineDecay({ initialLearningRate: 1, decaySteps: -1 })).toThrow(ValueError)
    expect(() => new CosineDecayRestarts({ initialLearningRate: 1, firstDecaySteps: 0 })).toThrow(ValueError)
    expect(() => new CosineDecayRestarts({ initialLearningRate: 1, firstDecaySteps: 1, tMul: 0.5 })).toThrow(ValueError)
    expect(() => new PiecewiseConstantDecay({ boundaries: [1, 2], values: [1, 2] })).toThrow(/2 boundaries and 2 values/)
    expect(() => new PiecewiseConstantDecay({ boundaries: [2, 1], values: [1, 2, 3] })).toThrow(/ascending/)
  })

  test('restart at the first step of a period, not one later', () => {
    const schedule = new CosineDecayRestarts({ initialLearningRate: 1, firstDecaySteps: 1, tMul: 3 })
    for (const step of [0, 1, 4, 13, 40, 121, 364, 1093]) expect(schedule.call(step)).toBe(1)
  })

  test('of your own are a class with call, or any object with it', () => {
    class Half extends LearningRateSchedule<ScheduleOptions & { readonly from?: number }> {
      static override readonly defaults = { from: 1 }
      constructor(options = {}) {
        super(options)
      }
      call(step: number): number {
        return this.options.from / 2 ** step
      }
    }
    expect(new SGD({ learningRate: new Half({ from: 8 }) }).getConfig()['learning_rate']).toMatchObject({
      class_name: 'Half',
      config: { from: 8 },
    })
    expect(new SGD({ learningRate: { call: (step: number) => step + 3 } }).currentLearningRate()).toBe(3)
  })
})

describe('several variables', () => {
  const start = (): Variable[] => [
    new Variable(
      tensor([
        [1, -2, 3],
        [0.5, 4, -1],
      ]),
    ),
    new Variable(tensor([2, -3, 1, 0.25, 7])),
    new Variable(tensor(3)),
  ]
  const gradients = (step: number, variables: readonly Variable[]): Tensor[] =>
    variables.map((w, i) => w.mul(0.1).add(Math.sin(step + i)))
  const numbers = (variables: readonly Variable[]): number[][] => variables.map((w) => [...w.toTypedArray()])

  test.each(Object.entries(optimizers))('%s: together what each gets alone, to the bit', (_, Class) => {
    const [together, alone] = [start(), start()]
    const one = new Class({ learningRate: 0.1 })
    const each = alone.map(() => new Class({ learningRate: 0.1 }))
    for (let step = 0; step < 5; step++) {
      one.apply(gradients(step, together), together)
      const grads = gradients(step, alone)
      alone.forEach((w, i) => each[i].apply([grads[i]], [w]))
    }
    expect(numbers(together)).toEqual(numbers(alone))
  })

  test('what was read of a weight or a slot keeps its numbers', () => {
    const [variables, optimizer] = [start(), new Adam()]
    const step = (n: number): void => optimizer.apply(gradients(n, variables), variables)
    step(0)
    const held = [...variables, ...optimizer.variables].map((variable) => ({
      variable,
      value: variable.value,
      row: variable.reshape([-1]),
    }))
    const before = held.map(({ value }) => [...value.toTypedArray()])
    step(1)
    step(2)
    expect(held.map(({ value }) => [...value.toTypedArray()])).toEqual(before)
    expect(held.map(({ row }) => [...row.toTypedArray()])).toEqual(before)
    expect(held.every(({ variable }, i) => variable.toTypedArray().some((x, j) => x !== before[i][j]))).toBe(true)
  })

  test('a slot that is assigned counts from there on, and so does another choice of variables', () => {
    const run = (assign: boolean, others: boolean): number[][] => {
      const [variables, optimizer] = [start(), new Adam({ learningRate: 0.1 })]
      for (let step = 0; step < 6; step++) {
        if (step === 3 && assign)
          for (const slot of optimizer.variables) slot.assign(tensor(slot.toTypedArray()).reshape(slot.shape))
        const grads = gradients(step, variables)
        if (others) {
          // The same step in two parts: the second one must not count again.
          optimizer.apply([grads[0], undefined, grads[2]], variables)
          optimizer.steps--
          optimizer.apply([undefined, grads[1], undefined], variables)
        } else optimizer.apply(grads, variables)
      }
      return numbers(variables)
    }
    const wanted = run(false, false)
    expect(run(true, false)).toEqual(wanted)
    expect(run(false, true)).toEqual(wanted)
  })
})
