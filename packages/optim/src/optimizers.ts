/** The export list is the registry: what is exported here can be named in `compile({ optimizer })`. */
export { Adafactor, type AdafactorOptions } from './adafactor.ts'
export { Adadelta, Adagrad, RMSprop, type AdadeltaOptions, type AdagradOptions, type RMSpropOptions } from './adaptive.ts'
export { Adam, Adamax, AdamW, Nadam, type AdamOptions, type MomentsOptions } from './adam.ts'
export { Ftrl, type FtrlOptions } from './ftrl.ts'
export { Lamb } from './lamb.ts'
export { Lion, type LionOptions } from './lion.ts'
export { Muon, type MuonOptions } from './muon.ts'
export { SGD, type SGDOptions } from './sgd.ts'
