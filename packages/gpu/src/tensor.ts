/** What this package takes from the engine, under short names. */
import { internals, type DType, type TypedArray } from '@typegrad/tensor'

export const {
  allocate,
  backendNamed,
  backendOn,
  broadcastLayout,
  callNode,
  collapse,
  contiguousLayout,
  fuse,
  hostBuffer,
  isWhole,
  keyOf,
  lower,
  makeLayout,
  namesIn,
  number,
  permuteLayout,
  registerStarter,
  simplify,
  substitute,
  valueOf,
} = internals

export type Buffer = internals.Buffer
export type ConvAttributes = internals.ConvAttributes
export type Draw = internals.Draw
export type Graph = internals.Graph
export type Item = internals.Item
export type Layout = internals.Layout
export type Loop = internals.Loop
export type LoopType = internals.LoopType
export type Node = internals.Node
export type PoolAttributes = internals.PoolAttributes
export type PoolKind = internals.PoolKind
export type Program = internals.Program
export type Reduction = internals.Reduction
export type ScanOptions = internals.ScanOptions
export type Slot = internals.Slot
export type SparseParts = internals.SparseParts
export type Value = internals.Value

const arrays = { float32: Float32Array, float64: Float64Array, int32: Int32Array, uint8: Uint8Array, bool: Uint8Array } as const

/** Numbers as the host stores elements of a dtype. */
export const arrayOf = (dtype: DType, values: ArrayLike<number>): TypedArray => new arrays[dtype](values)
