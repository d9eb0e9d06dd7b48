/**
 * The rules that kernel texts must keep, because gpu.js 2.24.1 compiles what breaks them without a word into something else:
 * loops that end early, positions that are wrong from 2^24 on, NaN. Each was seen to fail before it became a rule.
 */

/** What the drivers' own functions do well. */
const allowed = new Set(['abs', 'floor', 'ceil', 'sqrt', 'exp', 'log', 'min', 'max'])

const loopHead = /^for \(let (\w+) = 0; \1 < [^;]+; \1\+\+\) \{/

/** Everything in a kernel's or a function's text that breaks a rule. */
export function violations(source: string): string[] {
  const found: string[] = []
  const forbid = (pattern: RegExp, why: string): void => {
    const match = pattern.exec(source)
    if (match) found.push(`${match[0].trim()}: ${why}`)
  }
  forbid(/\b(while|do|switch|continue|break)\b/, 'only plain loops and conditions are the same in every mode')
  forbid(/\*\*|%/, 'powers and remainders know no negative numbers, or are inexact')
  forbid(/\bInfinity\b|\bNaN\b/, 'WGSL has neither: pass it as an argument')
  forbid(/\bthis\.(?!thread\.[xyz]\b)\w+/, 'nothing but thread is the same in every mode')
  forbid(/[^=!<>]==[^=]|!=[^=]/, 'write === and !(a === b): a NaN differs from itself on the host only')
  forbid(/!==/, 'a NaN does not differ from itself on a GPU')
  for (const [, name] of source.matchAll(/\bMath\.(\w+)/g))
    if (!allowed.has(name)) found.push(`Math.${name}: not exact, or not defined, on a GPU`)

  const loops: string[] = []
  for (const match of source.matchAll(/\bfor\b[^{]*\{/g)) {
    const head = loopHead.exec(match[0])
    if (!head) found.push(`${match[0]}: a loop must count from a literal 0 by one, or its variable is no integer`)
    else if (loops.includes(head[1])) found.push(`${head[1]}: two loops have this variable, which WGSL declares once for both`)
    else loops.push(head[1])
  }

  const locals = new Set(
    [...source.matchAll(/\b(?:const|let) (\w+) =/g)].map(([, name]) => name).filter((name) => !loops.includes(name)),
  )
  for (const name of locals)
    if (source.match(new RegExp(`\\b(?:const|let) ${name} =`, 'g'))!.length > 1) found.push(`${name}: declared twice`)
  for (const index of indices(source)) {
    for (const [, local] of index.replace(/\((\w+) \| 0\)/g, '0').matchAll(/\b([A-Za-z_]\w*)\b(?!\()/g)) {
      if (locals.has(local)) found.push(`[${index}]: ${local} is a float, wrong from 2^24 on: write (${local} | 0)`)
    }
    if (/[/.]\d|\//.test(index)) found.push(`[${index}]: arithmetic of floats in an index`)
  }
  return found
}

/** The texts between brackets, those inside of others left out. */
function indices(source: string): string[] {
  const found: string[] = []
  const starts: number[] = []
  for (let i = 0; i < source.length; i++) {
    if (source[i] === '[') starts.push(i)
    if (source[i] === ']') found.push(source.slice(starts.pop()! + 1, i).replace(/\w+\[.*\]/g, '0'))
  }
  return found
}
