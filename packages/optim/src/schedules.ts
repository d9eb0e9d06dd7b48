/** The export list is the registry: what is exported here can be named in Keras' JSON. */
export { CosineDecay, CosineDecayRestarts, type CosineDecayOptions, type CosineDecayRestartsOptions } from './cosine.ts'
export {
  ExponentialDecay,
  InverseTimeDecay,
  PiecewiseConstantDecay,
  PolynomialDecay,
  type DecayOptions,
  type PiecewiseConstantDecayOptions,
  type PolynomialDecayOptions,
} from './decay.ts'
