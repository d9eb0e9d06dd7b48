// A variational autoencoder of handwritten digits: a model with a step of its own, which fit compiles, too.
import {
  Dense,
  GradientTape,
  Input,
  linspace,
  loadDigits,
  Mean,
  Model,
  random,
  setSeed,
  stack,
  type Batch,
  type Tensor,
} from 'typegrad'
import { epochs, seed, verbose } from './options.ts'

setSeed(seed)
const { x } = await loadDigits()

const image = Input({ shape: [64] })
const seen = new Dense({ units: 64, activation: 'relu' }).apply(image)
const ends = [new Dense({ units: 2 }).apply(seen), new Dense({ units: 2 }).apply(seen)]
const encoder = new Model({ inputs: image, outputs: ends, name: 'encoder' })

const point = Input({ shape: [2] })
const drawn = new Dense({ units: 64, activation: 'relu' }).apply(point)
const decoder = new Model({
  inputs: point,
  outputs: new Dense({ units: 64, activation: 'sigmoid' }).apply(drawn),
  name: 'decoder',
})

/** `log p(x|z)` of pixels in [0, 1] and the divergence of q(z|x) from the normal distribution, as in Keras' example. */
class VariationalAutoencoder extends Model {
  readonly encoder = encoder
  readonly decoder = decoder
  readonly #figures = ['loss', 'reconstruction', 'divergence'].map((name) => new Mean({ name }))

  override get metrics(): Mean[] {
    return this.#figures
  }

  override trainStep({ x: [x] }: Batch): void {
    const tape = new GradientTape()
    const figures = tape.run((): Tensor[] => {
      const [mean, logVar] = this.encoder.apply(x)
      const z = mean.add(logVar.mul(0.5).exp().mul(random.normal(mean.shape)))
      const y = this.decoder.apply(z).clip(1e-6, 1 - 1e-6)
      const right = x.mul(y.log()).add(x.neg().add(1).mul(y.neg().add(1).log()))
      const reconstruction = right.sum(1).mean().neg()
      const divergence = logVar.add(1).sub(mean.square()).sub(logVar.exp()).sum(1).mean().mul(-0.5)
      return [reconstruction.add(divergence), reconstruction, divergence]
    })
    this.optimizer.apply(tape.gradient(figures[0], this.trainableWeights), this.trainableWeights)
    this.metrics.forEach((figure, i) => figure.updateState(figures[i]))
  }
}

const model = new VariationalAutoencoder()
// A step of one's own is compiled if one says that it does nothing beside its ops.
model.compile({ optimizer: 'adam', jit: true })
await model.fit(x.div(16), null, { epochs: epochs(60), batchSize: 64, verbose })

// What the decoder makes of points between -1.5 and 1.5, side by side.
const n = 6
const steps = linspace(-1.5, 1.5, n).toArray() as number[]
const shades = ' .:-=+*#%@'
for (const a of steps) {
  const digits = await decoder.predict(stack(steps.map((b) => stack([b, a]))), { verbose: 0 })
  const rows = digits.reshape([n, 8, 8]).transpose([1, 0, 2]).toArray() as number[][][]
  for (const row of rows)
    console.log(row.map((pixels) => pixels.map((p) => shades[Math.min(9, Math.floor(p * 10))].repeat(2)).join('')).join('  '))
}
