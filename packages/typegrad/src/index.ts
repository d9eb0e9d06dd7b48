/** Everything that a user needs, under one roof; the GPU is a package of its own, `@typegrad/gpu`. */
export * from '@typegrad/tensor'
export * from '@typegrad/autograd'
export * from '@typegrad/layers'
export * from '@typegrad/losses'
export * from '@typegrad/optim'
export * from '@typegrad/model'
export * from '@typegrad/data'
export * from '@typegrad/plots'
