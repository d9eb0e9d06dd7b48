import { Bytes } from './bytes.ts'
import { type Arg, type Expr, expression, instruction, Local, type Type, typeCodes } from './expression.ts'
import { select } from './memory.ts'
import { i32 } from './scalar.ts'

/** The place that a branch goes to. */
export interface Label {
  readonly depth: number
}

export type Params = Readonly<Record<string, Type>>

/** Parameters that are all i32: counts, strides and addresses. */
export const integers = <N extends string>(...names: readonly N[]): { readonly [K in N]: 'i32' } =>
  Object.fromEntries(names.map((name) => [name, 'i32'])) as { readonly [K in N]: 'i32' }

/**
 * Writes the body of one function, statement by statement.
 *
 * The bodies of loops and branches are scopes: a local made in one is free for reuse after it, so that a long function
 * needs few locals and the engine few merges. A reused local does not start at zero; `let` always gives it a value.
 */
export class FunctionBuilder {
  readonly #code = new Bytes()
  readonly #types: Type[] = []
  readonly #params: number
  readonly #free: Record<Type, number[]> = { i32: [], i64: [], f32: [], f64: [], v128: [] }
  #scope: Local<Type>[] = []
  #depth = 0

  constructor(params: Params) {
    for (const type of Object.values(params)) this.local(type)
    this.#params = this.#types.length
  }

  /** The locals of the outermost scope in order: first the parameters. */
  get parameters(): readonly Local<Type>[] {
    return this.#scope.slice(0, this.#params)
  }

  /** A variable that holds anything until it is set. */
  local<T extends Type>(type: T): Local<T> {
    const index = this.#free[type].pop() ?? this.#types.push(type) - 1
    const local = new Local(type, index, this.#code)
    this.#scope.push(local)
    return local
  }

  /** A new variable that holds `value`. */
  let<T extends Type>(value: Expr<T>): Local<T> {
    value.write(this.#code)
    const local = this.local(value.type)
    this.#code.byte(0x21)
    this.#code.unsigned(local.index)
    return local
  }

  set<T extends Type>(local: Local<T>, value: Arg<NoInfer<T>>): void {
    expression<Type>(local.type, value).write(this.#code)
    local.check(this.#code)
    this.#code.byte(0x21)
    this.#code.unsigned(local.index)
  }

  /** A new variable with the smaller of two unsigned integers. */
  least(a: Arg<'i32'>, b: Arg<'i32'>): Local<'i32'> {
    const x = this.let(expression('i32', a))
    const y = this.let(expression('i32', b))
    this.set(x, select(i32.ltU(x, y), x, y))
    return x
  }

  /** Runs expressions for what they do (stores, calls); a result is dropped. */
  do(...statements: Expr<Type | 'none'>[]): void {
    for (let i = 0; i < statements.length; i++) {
      statements[i].write(this.#code)
      if (statements[i].type !== 'none') this.#code.byte(0x1a)
    }
  }

  /** Locals made in `body` are free for reuse after it. */
  scope(body: () => void): void {
    const outer = this.#scope
    this.#scope = []
    body()
    const locals = this.#scope
    for (let i = 0; i < locals.length; i++) {
      locals[i].release()
      this.#free[locals[i].type].push(locals[i].index)
    }
    this.#scope = outer
  }

  if(condition: Arg<'i32'>, then: () => void, otherwise?: () => void): void {
    expression('i32', condition).write(this.#code)
    this.#nest(0x04, () => {
      this.scope(then)
      if (otherwise === undefined) return
      this.#code.byte(0x05)
      this.scope(otherwise)
    })
  }

  /** A body that a branch to `exit` leaves. */
  block(body: (exit: Label) => void): void {
    this.#nest(0x02, (label) => this.scope(() => body(label)))
  }

  /** A body that a branch to `again` starts anew; without one it ends after the first turn. */
  loop(body: (again: Label) => void): void {
    this.#nest(0x03, (label) => this.scope(() => body(label)))
  }

  /** `do body() while (condition())`: locals of the body may be used in the condition. */
  doWhile(body: () => void, condition: () => Arg<'i32'>): void {
    this.loop((again) => {
      body()
      this.branchIf(again, condition())
    })
  }

  /** `while (condition) body()`: the condition is tested once before the loop, then at its end. */
  while(condition: Arg<'i32'>, body: () => void): void {
    this.if(condition, () => this.doWhile(body, () => condition))
  }

  /** Runs `body` `count` times, a count above 2^31 too, going down to zero in a local of its own. */
  repeat(count: Arg<'i32'>, body: () => void): void {
    this.scope(() => {
      const left = this.let(expression('i32', count))
      this.while(left, () => {
        body()
        this.set(left, i32.sub(left, 1))
      })
    })
  }

  /** `for (i = from; i < to; i += step) body(i)` on signed integers; `to` and `step` are computed once. */
  for(from: Arg<'i32'>, to: Arg<'i32'>, step: Arg<'i32'>, body: (i: Local<'i32'>) => void): void {
    this.scope(() => {
      const i = this.let(expression('i32', from))
      const end = typeof to === 'number' ? to : this.let(to)
      const stride = typeof step === 'number' ? step : this.let(step)
      this.while(i32.ltS(i, end), () => {
        body(i)
        this.set(i, i32.add(i, stride))
      })
    })
  }

  branch(label: Label): void {
    this.#code.byte(0x0c)
    this.#code.unsigned(this.#depth - label.depth)
  }

  branchIf(label: Label, condition: Arg<'i32'>): void {
    expression('i32', condition).write(this.#code)
    this.#code.byte(0x0d)
    this.#code.unsigned(this.#depth - label.depth)
  }

  /** Ends the function; with a value where it has a result. */
  protected writeReturn(value?: Expr<Type>): void {
    value?.write(this.#code)
    this.#code.byte(0x0f)
  }

  /** Ends a function that has no result. */
  exit(): Expr<'none'> {
    return instruction(0x0f, [], 'none')
  }

  /** Stops the program with a trap. */
  unreachable(): void {
    this.#code.byte(0x00)
  }

  /** The function as it stands in the code section: runs of locals, then the instructions. */
  finish(result: Type | 'none'): Bytes {
    const runs: [count: number, type: Type][] = []
    for (const type of this.#types.slice(this.#params)) {
      const last = runs.at(-1)
      if (last?.[1] === type) last[0]++
      else runs.push([1, type])
    }
    const whole = new Bytes()
    whole.unsigned(runs.length)
    for (const [count, type] of runs) {
      whole.unsigned(count)
      whole.byte(typeCodes[type])
    }
    // Without a `return` at its end a function with a result traps: the validator then asks for no value there.
    if (result !== 'none') this.#code.byte(0x00)
    this.#code.byte(0x0b)
    whole.append(this.#code)
    return whole
  }

  #nest(opcode: number, body: (label: Label) => void): void {
    this.#code.byte(opcode)
    this.#code.byte(0x40)
    this.#depth++
    body({ depth: this.#depth })
    this.#depth--
    this.#code.byte(0x0b)
  }
}

/** The builder of a function with result `R`: it can return. Code that may stand in any function takes the other one. */
export class ResultBuilder<R extends Type | 'none'> extends FunctionBuilder {
  readonly #result: R

  constructor(params: Params, result: R) {
    super(params)
    this.#result = result
  }

  return(...value: R extends Type ? [Arg<R>] : []): void {
    if (this.#result === 'none') this.writeReturn()
    else this.writeReturn(expression<Type>(this.#result, value[0] as Arg<Type>))
  }
}
