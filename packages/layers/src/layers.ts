/** The export list is the registry of layers. */
export { Activation, Dense, Dropout, InputLayer } from './core.ts'
export { BatchNormalization } from './normalization.ts'
export { Flatten, Reshape } from './reshaping.ts'
