import { constant, type Expr, instructions } from './expression.ts'
import { compareExchange, loads, stores, updates } from './memory.ts'

// The names are those of the specification, in camel case: `i32.lt_u` is `i32.ltU`.

const i32Pair = ['i32', 'i32'] as const
const i64Pair = ['i64', 'i64'] as const
const f32Pair = ['f32', 'f32'] as const
const f64Pair = ['f64', 'f64'] as const

export const i32 = {
  /** An integer in [-2^31, 2^32): addresses above 2 GiB are written as they are. */
  const: (value: number): Expr<'i32'> => constant('i32', value),
  ...instructions(['i32'], 'i32', { eqz: 0x45, clz: 0x67, ctz: 0x68, popcnt: 0x69, extend8S: 0xc0, extend16S: 0xc1 }),
  ...instructions(i32Pair, 'i32', { eq: 0x46, ne: 0x47, ltS: 0x48, ltU: 0x49, gtS: 0x4a, gtU: 0x4b }),
  ...instructions(i32Pair, 'i32', { leS: 0x4c, leU: 0x4d, geS: 0x4e, geU: 0x4f }),
  ...instructions(i32Pair, 'i32', { add: 0x6a, sub: 0x6b, mul: 0x6c, divS: 0x6d, divU: 0x6e, remS: 0x6f, remU: 0x70 }),
  ...instructions(i32Pair, 'i32', { and: 0x71, or: 0x72, xor: 0x73, shl: 0x74, shrS: 0x75, shrU: 0x76, rotl: 0x77, rotr: 0x78 }),
  ...instructions(['i64'], 'i32', { wrapI64: 0xa7 }),
  ...instructions(['f32'], 'i32', { reinterpretF32: 0xbc, truncF32S: 0xa8, truncF32U: 0xa9 }),
  ...instructions(['f32'], 'i32', { truncSatF32S: 0xfc000, truncSatF32U: 0xfc001 }),
  ...instructions(['f64'], 'i32', { truncF64S: 0xaa, truncF64U: 0xab, truncSatF64S: 0xfc002, truncSatF64U: 0xfc003 }),
  ...loads('i32', { load: [0x28, 2], load8S: [0x2c, 0], load8U: [0x2d, 0], load16S: [0x2e, 1], load16U: [0x2f, 1] }),
  ...loads('i32', { atomicLoad: [0xfe010, 2], atomicLoad8U: [0xfe012, 0], atomicLoad16U: [0xfe013, 1] }),
  ...stores('i32', { store: [0x36, 2], store8: [0x3a, 0], store16: [0x3b, 1] }),
  ...stores('i32', { atomicStore: [0xfe017, 2], atomicStore8: [0xfe019, 0], atomicStore16: [0xfe01a, 1] }),
  ...updates('i32', { atomicRmwAdd: 0xfe01e, atomicRmwSub: 0xfe025, atomicRmwAnd: 0xfe02c }),
  ...updates('i32', { atomicRmwOr: 0xfe033, atomicRmwXor: 0xfe03a, atomicRmwXchg: 0xfe041 }),
  atomicRmwCmpxchg: compareExchange('i32', 0xfe048),
}

export const i64 = {
  const: (value: bigint): Expr<'i64'> => constant('i64', value),
  ...instructions(['i64'], 'i32', { eqz: 0x50 }),
  ...instructions(['i64'], 'i64', { clz: 0x79, ctz: 0x7a, popcnt: 0x7b, extend8S: 0xc2, extend16S: 0xc3, extend32S: 0xc4 }),
  ...instructions(i64Pair, 'i32', { eq: 0x51, ne: 0x52, ltS: 0x53, ltU: 0x54, gtS: 0x55, gtU: 0x56 }),
  ...instructions(i64Pair, 'i32', { leS: 0x57, leU: 0x58, geS: 0x59, geU: 0x5a }),
  ...instructions(i64Pair, 'i64', { add: 0x7c, sub: 0x7d, mul: 0x7e, divS: 0x7f, divU: 0x80, remS: 0x81, remU: 0x82 }),
  ...instructions(i64Pair, 'i64', { and: 0x83, or: 0x84, xor: 0x85, shl: 0x86, shrS: 0x87, shrU: 0x88, rotl: 0x89, rotr: 0x8a }),
  ...instructions(['i32'], 'i64', { extendI32S: 0xac, extendI32U: 0xad }),
  ...instructions(['f32'], 'i64', { truncF32S: 0xae, truncF32U: 0xaf, truncSatF32S: 0xfc004, truncSatF32U: 0xfc005 }),
  ...instructions(['f64'], 'i64', { truncF64S: 0xb0, truncF64U: 0xb1, truncSatF64S: 0xfc006, truncSatF64U: 0xfc007 }),
  ...instructions(['f64'], 'i64', { reinterpretF64: 0xbd }),
  ...loads('i64', { load: [0x29, 3], load32S: [0x34, 2], load32U: [0x35, 2], atomicLoad: [0xfe011, 3] }),
  ...stores('i64', { store: [0x37, 3], store32: [0x3e, 2], atomicStore: [0xfe018, 3] }),
  ...updates('i64', { atomicRmwAdd: 0xfe01f, atomicRmwSub: 0xfe026, atomicRmwXchg: 0xfe042 }),
  atomicRmwCmpxchg: compareExchange('i64', 0xfe049),
}

export const f32 = {
  const: (value: number): Expr<'f32'> => constant('f32', value),
  ...instructions(f32Pair, 'i32', { eq: 0x5b, ne: 0x5c, lt: 0x5d, gt: 0x5e, le: 0x5f, ge: 0x60 }),
  ...instructions(['f32'], 'f32', { abs: 0x8b, neg: 0x8c, ceil: 0x8d, floor: 0x8e, trunc: 0x8f, nearest: 0x90, sqrt: 0x91 }),
  ...instructions(f32Pair, 'f32', { add: 0x92, sub: 0x93, mul: 0x94, div: 0x95, min: 0x96, max: 0x97, copysign: 0x98 }),
  ...instructions(['i32'], 'f32', { convertI32S: 0xb2, convertI32U: 0xb3, reinterpretI32: 0xbe }),
  ...instructions(['i64'], 'f32', { convertI64S: 0xb4, convertI64U: 0xb5 }),
  ...instructions(['f64'], 'f32', { demoteF64: 0xb6 }),
  ...loads('f32', { load: [0x2a, 2] }),
  ...stores('f32', { store: [0x38, 2] }),
}

export const f64 = {
  const: (value: number): Expr<'f64'> => constant('f64', value),
  ...instructions(f64Pair, 'i32', { eq: 0x61, ne: 0x62, lt: 0x63, gt: 0x64, le: 0x65, ge: 0x66 }),
  ...instructions(['f64'], 'f64', { abs: 0x99, neg: 0x9a, ceil: 0x9b, floor: 0x9c, trunc: 0x9d, nearest: 0x9e, sqrt: 0x9f }),
  ...instructions(f64Pair, 'f64', { add: 0xa0, sub: 0xa1, mul: 0xa2, div: 0xa3, min: 0xa4, max: 0xa5, copysign: 0xa6 }),
  ...instructions(['i32'], 'f64', { convertI32S: 0xb7, convertI32U: 0xb8 }),
  ...instructions(['i64'], 'f64', { convertI64S: 0xb9, convertI64U: 0xba, reinterpretI64: 0xbf }),
  ...instructions(['f32'], 'f64', { promoteF32: 0xbb }),
  ...loads('f64', { load: [0x2b, 3] }),
  ...stores('f64', { store: [0x39, 3] }),
}
