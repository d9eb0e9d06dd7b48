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

/** Binary operators by how tightly they bind, loosest first; all associate to the left. */
const levels = [['||'], ['&&'], ['==', '!='], ['<', '<=', '>', '>='], ['+', '-'], ['*', '/']]

/** The tree of a formula text; throws with the position of what it cannot read. */
export function parse(text: string): Formula {
  const tokens: { text: string; at: number; kind: 'number' | 'name' | 'sign' }[] = []
  token.lastIndex = 0
  while (text.slice(token.lastIndex).trim() !== '') {
    const at = token.lastIndex
    const match = token.exec(text)
    if (!match) throw new TypegradError(`formula: cannot read ${JSON.stringify(text)} at ${at}`, { text, at })
    tokens.push({ text: match[0].trim(), at, kind: match[1] ? 'number' : match[2] ? 'name' : 'sign' })
  }
  let i = 0
  const peek = (sign: string): boolean => tokens[i]?.kind === 'sign' && tokens[i].text === sign
  const take = (sign: string): boolean => peek(sign) && i++ >= 0
  const expect = (sign: string): void => {
    if (!take(sign))
      throw new TypegradError(`formula: ${JSON.stringify(text)} lacks '${sign}' at ${tokens[i]?.at ?? text.length}`)
  }

  const ternary = (): Formula => {
    const condition = binary(0)
    if (!take('?')) return condition
    const yes = ternary()
    expect(':')
    return call('select', condition, yes, ternary())
  }
  const binary = (level: number): Formula => {
    if (level === levels.length) return unary()
    let left = binary(level + 1)
    for (;;) {
      const sign = levels[level].find(peek)
      if (sign === undefined) return left
      i++
      left = call(sign, left, binary(level + 1))
    }
  }
  const unary = (): Formula => {
    if (take('-')) return call('neg', unary())
    if (take('!')) return call('not', unary())
    return primary()
  }
  const primary = (): Formula => {
    const next = tokens[i++]
    if (next?.kind === 'number') return number(Number(next.text))
    if (next?.kind === 'name') {
      if (!take('(')) return name(next.text)
      const args = [ternary()]
      while (take(',')) args.push(ternary())
      expect(')')
      return call(next.text, ...args)
    }
    if (next?.text === '(') {
      const inner = ternary()
      expect(')')
      return inner
    }
    throw new TypegradError(`formula: ${JSON.stringify(text)} breaks off at ${next?.at ?? text.length}`, { text })
  }
  const tree = ternary()
  if (i < tokens.length) throw new TypegradError(`formula: ${JSON.stringify(text)} goes on after ${tokens[i].at}`, { text })
  return tree
}

/** A text that two formulas share exactly when they are the same tree: the key of kernel caches. */
export function keyOf(formula: Formula): string {
  if (formula.op === 'number') return Object.is(formula.value, -0) ? '-0' : String(formula.value)
  if (formula.op === 'name') return formula.name
  return `(${formula.fn} ${formula.args.map(keyOf).join(' ')})`
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
  return { ...formula, args: formula.args.map((arg) => substitute(arg, values)) }
}
