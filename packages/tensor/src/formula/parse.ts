import { TypegradError } from '../errors.ts'

/** A formula as a tree: a number, a name, or a function (operators are functions too) of other formulas. */
export type Formula =
  | { readonly op: 'number'; readonly value: number }
  | { readonly op: 'name'; readonly name: string }
  | { readonly op: 'call'; readonly fn: string; readonly args: readonly Formula[] }

export const number = (value: number): Formula => ({ op: 'number', value })
export const name = (id: string): Formula => ({ op: 'name', name: id })
export const call = (fn: string, ...args: Formula[]): Formula => ({ op: 'call', fn, args })

const token = /\s*(?:(\d+\.?\d*(?:e[-+]?\d+)?|\.\d+)|([A-Za-z_]\w*)|(<=|>=|==|!=|&&|\|\||[-+*/()<>!?:,]))/y

/** Binary operators, with how tightly they bind; all associate to the left. */
const tightness = new Map(
  Object.entries({ '||': 1, '&&': 2, '==': 3, '!=': 3, '<': 4, '<=': 4, '>': 4, '>=': 4, '+': 5, '-': 5, '*': 6, '/': 6 }),
)

/** The tree of a formula text; throws with the position of what it cannot read. */
export const parse = (text: string): Formula => new Parser(text).whole()

/** Reads one text. Hundreds are read as the library is loaded: methods are made once, functions within a function each time. */
class Parser {
  readonly #text: string
  readonly #tokens: string[] = []
  readonly #starts: number[] = []
  #next = 0

  constructor(text: string) {
    this.#text = text
    const end = text.trimEnd().length
    for (let at = 0; at < end; at = token.lastIndex) {
      token.lastIndex = at
      const match = token.exec(text)
      if (!match) throw new TypegradError(`formula: cannot read ${JSON.stringify(text)} at ${at}`, { text, at })
      this.#tokens.push(match[0].trimStart())
      this.#starts.push(at)
    }
  }

  whole(): Formula {
    const tree = this.#ternary()
    if (this.#next < this.#tokens.length)
      throw new TypegradError(`formula: ${JSON.stringify(this.#text)} goes on after ${this.#starts[this.#next]}`, {
        text: this.#text,
      })
    return tree
  }

  #take(sign: string): boolean {
    if (this.#tokens[this.#next] !== sign) return false
    this.#next++
    return true
  }

  #expect(sign: string): void {
    if (this.#take(sign)) return
    const at = this.#starts[this.#next] ?? this.#text.length
    throw new TypegradError(`formula: ${JSON.stringify(this.#text)} lacks '${sign}' at ${at}`)
  }

  #ternary(): Formula {
    const condition = this.#binary(1)
    if (!this.#take('?')) return condition
    const yes = this.#ternary()
    this.#expect(':')
    return call('select', condition, yes, this.#ternary())
  }

  /** Operators that bind at least so tightly, and what is between them. */
  #binary(least: number): Formula {
    let left = this.#unary()
    for (;;) {
      const sign = this.#tokens[this.#next]
      const tight = tightness.get(sign)
      if (tight === undefined || tight < least) return left
      this.#next++
      left = call(sign, left, this.#binary(tight + 1))
    }
  }

  #unary(): Formula {
    if (this.#take('-')) return call('neg', this.#unary())
    if (this.#take('!')) return call('not', this.#unary())
    return this.#primary()
  }

  #primary(): Formula {
    const at = this.#next++
    const text = this.#tokens[at] ?? ''
    if (/^[\d.]/.test(text)) return number(Number(text))
    if (/^\w/.test(text)) {
      if (!this.#take('(')) return name(text)
      const args = [this.#ternary()]
      while (this.#take(',')) args.push(this.#ternary())
      this.#expect(')')
      return call(text, ...args)
    }
    if (text === '(') {
      const inner = this.#ternary()
      this.#expect(')')
      return inner
    }
    throw new TypegradError(`formula: ${JSON.stringify(this.#text)} breaks off at ${this.#starts[at] ?? this.#text.length}`, {
      text: this.#text,
    })
  }
}

/** A text that two formulas share exactly when they are the same tree: the key of kernel caches. */
export function keyOf(formula: Formula): string {
  if (formula.op === 'number') return Object.is(formula.value, -0) ? '-0' : String(formula.value)
  if (formula.op === 'name') return formula.name
  let key = `(${formula.fn}`
  for (let i = 0; i < formula.args.length; i++) key += ` ${keyOf(formula.args[i])}`
  return `${key})`
}

/** The names that a formula reads, in order of appearance. */
export function namesIn(formula: Formula, found: Set<string> = new Set()): Set<string> {
  if (formula.op === 'name') found.add(formula.name)
  else if (formula.op === 'call') formula.args.forEach((arg) => namesIn(arg, found))
  return found
}

/** `formula` with names replaced by other formulas: how kernels are fused. */
export function substitute(formula: Formula, values: Readonly<Record<string, Formula>>): Formula {
  if (formula.op === 'name') return Object.hasOwn(values, formula.name) ? values[formula.name] : formula
  if (formula.op === 'number') return formula
  return { op: 'call', fn: formula.fn, args: formula.args.map((arg) => substitute(arg, values)) }
}
