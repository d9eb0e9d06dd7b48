import type { Tensor } from '@typegrad/tensor'
import { NotRecorded, type Argument, type Engine } from '../engine.ts'
import { hostOp, needsHost } from '../host-op.ts'
import { KernelText, type KernelSource } from '../kernel-text.ts'
import type { Draw } from '../tensor.ts'
import { write } from './write.ts'

const rotations = [
  [13, 15, 26, 6],
  [17, 29, 16, 24],
] as const

const range = (n: number): number[] => [...Array(n).keys()]

/**
 * The engine's stream of random numbers, bit for bit: Threefry-2x32 with 20 rounds (see the engine's threefry.ts). A
 * kernel's numbers are floats, exact below 2^24, so every 32-bit word is kept as two halves.
 */
export function random(engine: Engine, key: readonly [number, number], stream: number, out: Tensor): void {
  if (needsHost([], [out])) return hostOp(engine, 'float64', [], [out], (host, _, [to]) => host.random(key, stream, to))
  draw(engine, halvesOf([key[0], key[1], stream]), out)
}

/** The same by the draw that is next whenever it runs. */
export function nextRandom(engine: Engine, next: { readonly draw: Draw }, out: Tensor): void {
  if (needsHost([], [out])) throw new NotRecorded()
  const args = range(8).map((i) => ({
    get value() {
      return halvesOf(next.draw)[i]
    },
  }))
  draw(engine, args, out)
}

const draw = (engine: Engine, args: readonly Argument[], out: Tensor): void =>
  write(engine, out, (cell) => engine.launch('random', randomSource, [out.size], args, [cell]))

/** What the kernel is given for a key and a stream. */
const halvesOf = ([low, high, stream]: Draw): number[] =>
  [low, high, 0x1bd11bda ^ low ^ high, (stream + high) | 0].flatMap((n) => [n & 0xffff, n >>> 16])

export function randomSource(): KernelSource {
  const text = new KernelText('1')
  for (const word of ['a', 'b', 'c', 'y']) {
    text.float(`${word}Low`)
    text.float(`${word}High`)
  }
  const carry = (word: string): string[] => [
    `${word}h = ${word}h + Math.floor(${word}l * ${2 ** -16});`,
    `${word}l = ${word}l - 65536 * Math.floor(${word}l * ${2 ** -16});`,
    `${word}h = ${word}h - 65536 * Math.floor(${word}h * ${2 ** -16});`,
  ]
  const add = (word: string, low: string, high: string): string[] => [
    `${word}l = ${word}l + ${low};`,
    `${word}h = ${word}h + ${high};`,
    ...carry(word),
  ]
  const rotate = (bits: number): string[] => {
    const [low, high] = bits < 16 ? ['yl', 'yh'] : ['yh', 'yl']
    const by = bits % 16
    if (by === 0) return ['swap = yl;', 'yl = yh;', 'yh = swap;']
    return [
      `swap = ((${low} << ${by}) & 65535) + (${high} >> ${16 - by});`,
      `yh = ((${high} << ${by}) & 65535) + (${low} >> ${16 - by});`,
      'yl = swap;',
    ]
  }
  text.lines(
    'let xl = this.thread.x & 65535;',
    'let xh = (this.thread.x >> 16) & 65535;',
    'let yl = yLow;',
    'let yh = yHigh;',
    'let swap = 0.5;',
    ...add('x', 'aLow', 'aHigh'),
  )
  for (let group = 0; group < 5; group++) {
    for (const bits of rotations[group % 2]) {
      text.lines(...add('x', 'yl', 'yh'), ...rotate(bits), 'yl = yl ^ xl;', 'yh = yh ^ xh;')
    }
    const [first, second] = [
      ['b', 'c'],
      ['c', 'a'],
      ['a', 'b'],
    ][group % 3]
    text.lines(...add('x', `${first}Low`, `${first}High`), ...add('y', `${second}Low + ${group + 1}`, `${second}High`))
  }
  text.lines(`return (xh * 256 + (xl >> 8)) * ${2 ** -24};`)
  return text.finish()
}
