/** A typed assembler for WebAssembly: expressions of known type in, bytes out. */
export { type Arg, Expr, Local, type Type } from './expression.ts'
export { FunctionBuilder, integers, type Label, type Params } from './function.ts'
export { memory, select } from './memory.ts'
export { type Func, maximumPages, memoryImports, ModuleBuilder, type Signature } from './module.ts'
export { f32, f64, i32, i64 } from './scalar.ts'
export { f32x4, f64x2, i16x8, i32x4, i64x2, i8x16, v128 } from './simd.ts'
