import { BackendError } from '../../../errors.ts'
import { Bytes } from './bytes.ts'
import { type Arg, type Expr, expression, instruction, type Local, type Type, typeCodes } from './expression.ts'
import { type Params, ResultBuilder } from './function.ts'

export interface Signature<P extends Params, R extends Type | 'none'> {
  readonly params: P
  /** @defaultValue 'none' */
  readonly result?: R
}

/** A function of the module: call it with one argument for each parameter, by name. */
export interface Func<P extends Params, R extends Type | 'none'> {
  readonly name: string
  readonly index: number
  call(args: { readonly [N in keyof P]: Arg<P[N]> }): Expr<R>
}

export interface MemoryImport {
  /** Shared memory needs a module of its own: the two kinds do not accept each other. @defaultValue false */
  readonly shared?: boolean
}

/** The object that a module is instantiated with. */
export const memoryImports = (memory: WebAssembly.Memory): WebAssembly.Imports => ({ env: { memory } })

/** Pages of 64 KiB in 4 GiB: the largest memory, and the maximum that every import declares. */
export const maximumPages = 65536

/**
 * A WebAssembly module in the making: `func` writes a function, `export` names it for JavaScript, `compile` is the end.
 * The memory is imported as `env.memory`, of any size.
 */
export class ModuleBuilder {
  readonly #memory: MemoryImport | undefined
  readonly #types: Bytes[] = []
  readonly #typeIndex = new Map<string, number>()
  readonly #imports: [module: string, name: string, type: number][] = []
  readonly #functions: { name: string; type: number; body: Bytes }[] = []
  readonly #exports: [name: string, index: number][] = []

  constructor(options: { readonly memory?: MemoryImport } = {}) {
    this.#memory = options.memory
  }

  /** A function written here: `module.func('twice', { params: { x: 'i32' }, result: 'i32' }, (f, { x }) => f.return(i32.add(x, x)))`. */
  func<const P extends Params, R extends Type | 'none' = 'none'>(
    name: string,
    signature: Signature<P, R>,
    write: (f: ResultBuilder<R>, params: { readonly [N in keyof P]: Local<P[N]> }) => void,
  ): Func<P, R> {
    const { params, result = 'none' as R } = signature
    const builder = new ResultBuilder<R>(params, result)
    const { parameters } = builder
    const named = Object.fromEntries(Object.keys(params).map((key, i) => [key, parameters[i]]))
    write(builder, named as { readonly [N in keyof P]: Local<P[N]> })
    const index = this.#imports.length + this.#functions.length
    this.#functions.push({ name, type: this.#type(Object.values(params), result), body: builder.finish(result) })
    return handle(name, index, params, result)
  }

  /** A function of JavaScript or of another module, to be imported as `module.name`; before any `func`. */
  import<const P extends Params, R extends Type | 'none' = 'none'>(
    module: string,
    name: string,
    signature: Signature<P, R>,
  ): Func<P, R> {
    if (this.#functions.length > 0)
      throw new BackendError(`wasm assembler: import ${module}.${name} must stand before the functions`)
    const { params, result = 'none' as R } = signature
    const index = this.#imports.push([module, name, this.#type(Object.values(params), result)]) - 1
    return handle(name, index, params, result)
  }

  /** Makes functions callable from JavaScript, under their names. */
  export(...functions: { readonly name: string; readonly index: number }[]): void {
    for (const { name, index } of functions) this.#exports.push([name, index])
  }

  toBytes(): Uint8Array<ArrayBuffer> {
    const out = new Bytes()
    out.raw([0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00])
    section(out, 1, this.#types, (type, part) => part.append(type))
    const imports: (readonly [module: string, name: string, type: number | MemoryImport])[] = [...this.#imports]
    if (this.#memory) imports.push(['env', 'memory', this.#memory])
    section(out, 2, imports, ([module, name, type], part) => {
      part.text(module)
      part.text(name)
      if (typeof type === 'number') {
        part.byte(0x00)
        part.unsigned(type)
      } else {
        part.raw(type.shared ? [0x02, 0x03, 0x00] : [0x02, 0x00, 0x00])
        if (type.shared) part.unsigned(maximumPages)
      }
    })
    section(out, 3, this.#functions, ({ type }, part) => part.unsigned(type))
    section(out, 7, this.#exports, ([name, index], part) => {
      part.text(name)
      part.byte(0x00)
      part.unsigned(index)
    })
    section(out, 10, this.#functions, ({ body }, part) => part.sized(body))
    return out.toArray()
  }

  compile(): WebAssembly.Module {
    return new WebAssembly.Module(this.toBytes())
  }

  /** The index of a function type, one for each signature. */
  #type(params: readonly Type[], result: Type | 'none'): number {
    const results = result === 'none' ? [] : [result]
    const key = `${params.join()}:${result}`
    const known = this.#typeIndex.get(key)
    if (known !== undefined) return known
    const type = new Bytes()
    type.byte(0x60)
    for (const list of [params, results]) {
      type.unsigned(list.length)
      for (const item of list) type.byte(typeCodes[item])
    }
    const index = this.#types.push(type) - 1
    this.#typeIndex.set(key, index)
    return index
  }
}

function handle<P extends Params, R extends Type | 'none'>(name: string, index: number, params: P, result: R): Func<P, R> {
  return {
    name,
    index,
    call: (args) => {
      const operands = Object.entries(params).map(([key, type]) => expression(type, args[key] as Arg<Type>))
      return instruction(0x10, operands, result, [index])
    },
  }
}

function section<T>(out: Bytes, id: number, items: readonly T[], write: (item: T, part: Bytes) => void): void {
  if (items.length === 0) return
  const part = new Bytes()
  part.unsigned(items.length)
  for (const item of items) write(item, part)
  out.byte(id)
  out.sized(part)
}
