import type { Formula } from '../formula/parse.ts'
import { formatShape } from '../shape.ts'
import type { Tensor } from '../tensor.ts'
import type { Item } from './fuse.ts'
import type { MakingTimes, Program } from './program.ts'
import { valueOf } from './trace.ts'

/** What a text about programs has beside their kernels. */
export interface ExplainOptions {
  /** Measure what each kernel takes: programs are run for half a second, and variables get their values back. @defaultValue false */
  readonly times?: boolean
}

/** A program as text: a line for each loop and kernel. */
export function explain(
  program: Program | undefined,
  signature: string,
  reason: string,
  made: MakingTimes,
  { times = false }: ExplainOptions = {},
): string {
  if (!program) return `${signature}: runs op by op, for a part of it is done on the host\n`
  const { items, graph } = program
  const spent = times ? program.times?.() : undefined
  const column = (i: number): string => (spent ? (spent[i] === undefined ? '' : `${spent[i].toFixed(1)} µs`).padStart(12) : '')
  const lines = items.map(
    (item, i) => `  ${String(i).padStart(3)}${column(i)}  ${item.turns ? `${item.turns.count} × ` : ''}${itemText(item)}`,
  )
  const head = [
    `${signature}: ${items.length} kernels from ${graph.nodes.length} nodes, ${program.bytes} bytes, ${program.parts} calls a run`,
    `  traced for ${reason}, in ${Object.entries(made)
      .map(([phase, milliseconds]) => `${phase} ${milliseconds.toFixed(1)}`)
      .join(' + ')} ms`,
  ]
  const changed = graph.assigned.map(({ variable }) => variable.name)
  return [...head, ...lines, ...(changed.length > 0 ? [`  changes ${changed.join(', ')}`] : []), ''].join('\n')
}

function itemText(item: Item): string {
  const reads = item.inputs.map(viewText).join(', ')
  if (item.kind !== 'loop') return `${item.kind} ${reads} → ${item.outputs.map(viewText).join(', ')}`
  const { args, results } = item.kernel
  const names: Record<string, string> = Object.fromEntries(args.map((arg, i) => [arg, viewText(item.inputs[i])]))
  const kept = new Map(item.outputs.map(({ result, x }) => [result, viewText(x)]))
  const formulas = results.map(({ name, formula }, i) => {
    const target = kept.get(i)
    const text = `${target ?? name} = ${formulaText(formula, names)}`
    if (target) names[name] = target
    return text
  })
  return `loop ${formatShape(item.shape)} ${item.type}: ${formulas.join('; ')}`
}

/** `w[17, 30]` for a variable or an input, `#12[30]` for what is computed. */
function viewText(x: Tensor): string {
  const { id, origin } = valueOf(x)
  const { kind } = origin
  if (kind === 'variable') return `${origin.variable.name}${formatShape(x.shape)}`
  if (kind === 'input') return `input${origin.index}${formatShape(x.shape)}`
  if (kind === 'constant' && valueOf(x).size === 1 && origin.tensor.buffer.array) return String(origin.tensor.item())
  return `${kind === 'computed' ? '#' : `${kind} #`}${id}${formatShape(x.shape)}`
}

function formulaText(formula: Formula, names: Readonly<Record<string, string>>): string {
  if (formula.op === 'number') return String(formula.value)
  if (formula.op === 'name') return names[formula.name] ?? formula.name
  const args = formula.args.map((arg) => formulaText(arg, names))
  if (formula.fn === 'select') return `(${args[0]} ? ${args[1]} : ${args[2]})`
  if (/^\w+$/.test(formula.fn)) return `${formula.fn}(${args.join(', ')})`
  return `(${args.join(` ${formula.fn} `)})`
}
