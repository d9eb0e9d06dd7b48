import { random, type Tensor } from '@typegrad/tensor'

/** Where permutations come from: a stream of its own if there is a seed, else the global one that `setSeed` starts. */
export const permutations = (seed: number | undefined): { permutation(n: number): Tensor } =>
  seed === undefined ? random : new random.Generator(seed)

/** The numbers `0 … n - 1` in random order. */
export const shuffled = (n: number, source: { permutation(n: number): Tensor }): Int32Array =>
  Int32Array.from(source.permutation(n).toTypedArray())
