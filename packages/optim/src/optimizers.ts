/** The export list is the registry: what is exported here can be named in `compile({ optimizer })`. */
export { Adagrad, RMSprop, type AdagradOptions, type RMSpropOptions } from './adaptive.ts'
export { Adam, type AdamOptions } from './adam.ts'
export { SGD, type SGDOptions } from './sgd.ts'
