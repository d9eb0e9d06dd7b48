/** The code of Winograd's convolution: see winograd.ts. */
import {
  type Expr,
  f32x4,
  type Func,
  type FunctionBuilder,
  i32,
  integers,
  type Local,
  ModuleBuilder,
  v128,
} from '../assembler/index.ts'
import { jobWords } from '../gemm/index.ts'
import { writeRectangle } from '../gemm/rectangle.ts'

export type Vector = Local<'v128'>

export const params = integers('job', 'begin', 'end', 'scratch')

/** What the transform of a kernel `[3, 3, channels, filters]` is told; each task is a channel. */
export const kernelWords = ['from', 'to', 'channels', 'filters'] as const

/** What follows the words of the products, in bytes where not said otherwise: tasks are `chunk` tiles of 2 × 2 results. */
export const tileWords = [
  'images',
  'imageStep',
  'rowStep',
  'pixelStep',
  'channelBytes',
  'kernels',
  'kernelStep',
  'out',
  'outImage',
  'outRow',
  'outPixel',
  'height',
  'width',
  'tilesAcross',
  'tilesOfImage',
  'tiles',
  'chunk',
  'work',
  /** Chunks of a task, where it sums over tiles. */
  'turns',
] as const

export const { add, sub, mul } = f32x4

/** `U = G g Gᵀ` of each channel and filter, as 16 matrices `[channels, filters]`; `turned` as `[filters, channels]` of the kernel turned around. */
export function buildKernelTransform(shared: boolean, turned: boolean): Uint8Array<ArrayBuffer> {
  const module = new ModuleBuilder({ memory: { shared } })
  const run = module.func('transformKernel', { params }, (f, p) => {
    const [from, to, channels, filters] = kernelWords.map((_, i) => f.let(i32.load(p.job, 4 * i)))
    const tap = f.let(i32.mul(i32.mul(channels, filters), 4))
    const row = f.let(i32.mul(turned ? channels : filters, 4))
    const half = f.let(f32x4.const(0.5))
    const expand = ([a, b, c]: readonly Vector[]): Vector[] => {
      const outer = f.let(mul(half, add(a, c)))
      const inner = f.let(mul(half, b))
      return [a, f.let(add(outer, inner)), f.let(sub(outer, inner)), c]
    }
    f.for(p.begin, p.end, 1, (channel) => {
      const source = f.let(i32.add(from, i32.mul(channel, i32.mul(filters, 4))))
      const target = f.let(i32.add(to, turned ? i32.mul(channel, 4) : i32.mul(channel, row)))
      f.for(0, filters, 4, () => {
        const at = f.let(source)
        const taps = Array.from({ length: 9 }, () => {
          const one = f.let(v128.load(at, 0, 4))
          f.set(at, i32.add(at, tap))
          return one
        })
        if (turned) taps.reverse()
        const lines = [0, 1, 2].map((i) => expand(taps.slice(3 * i, 3 * i + 3)))
        const columns = [0, 1, 2, 3].map((j) => expand(lines.map((line) => line[j])))
        const to = f.let(target)
        for (let i = 0; i < 4; i++)
          for (const { [i]: value } of columns) {
            const place = f.let(to)
            if (!turned) f.do(v128.store(place, value, 0, 4))
            else
              for (let lane = 0; lane < 4; lane++) {
                f.do(v128.store32Lane(place, value, lane, 0, 4))
                f.set(place, i32.add(place, row))
              }
            f.set(to, i32.add(to, tap))
          }
        f.set(source, i32.add(source, 16))
        f.set(target, i32.add(target, turned ? i32.mul(row, 4) : 16))
      })
    })
  })
  module.export(run)
  return module.toBytes()
}

const inParams = integers('from', 'row', 'pixel', 'to', 'step', 'bytes')

/** `V = Bᵀ d B` of the 4 × 4 elements from `from` on, in each channel: 16 rows, `step` apart. */
export function writeIn(module: ModuleBuilder): Func<typeof inParams, 'none'> {
  return module.func('tileIn', { params: inParams }, (f, p) => {
    const rows = [f.let(p.from)]
    for (let i = 1; i < 4; i++) rows.push(f.let(i32.add(rows[i - 1], p.row)))
    const pixels = [p.pixel, f.let(i32.shl(p.pixel, 1)), f.let(i32.mul(p.pixel, 3))]
    const mix = ([a, b, c, d]: readonly Vector[]): Expr<'v128'>[] => [sub(a, c), add(b, c), sub(c, b), sub(b, d)]
    f.for(0, p.bytes, 16, () => {
      const columns = [0, 1, 2, 3].map((j) => {
        const d = rows.map((row) => f.let(v128.load(j === 0 ? row : i32.add(row, pixels[j - 1]), 0, 4)))
        return mix(d).map((x) => f.let(x))
      })
      const to = f.let(p.to)
      for (let i = 0; i < 4; i++)
        for (const value of mix(columns.map((column) => column[i]))) {
          f.do(v128.store(to, value, 0, 4))
          f.set(to, i32.add(to, p.step))
        }
      for (const row of rows) f.set(row, i32.add(row, 16))
      f.set(p.to, i32.add(p.to, 16))
    })
  })
}

const outParams = integers('from', 'step', 'to', 'row', 'pixel', 'bytes', 'rows', 'columns')

/** `Y = Aᵀ M A`: 2 × 2 results in each filter, of which `rows` × `columns` exist. */
function writeOut(module: ModuleBuilder): Func<typeof outParams, 'none'> {
  return module.func('tileOut', { params: outParams }, (f, p) => {
    const mix = ([a, b, c, d]: readonly Vector[]): Expr<'v128'>[] => [add(add(a, b), c), sub(sub(b, c), d)]
    const below = f.let(i32.add(p.to, p.row))
    f.for(0, p.bytes, 16, () => {
      const at = f.let(p.from)
      const lines = Array.from({ length: 4 }, () =>
        Array.from({ length: 4 }, () => {
          const one = f.let(v128.load(at, 0, 4))
          f.set(at, i32.add(at, p.step))
          return one
        }),
      )
      const halves = [0, 1, 2, 3].map((j) => mix(lines.map((line) => line[j])).map((x) => f.let(x)))
      const [top, bottom] = [0, 1].map((i) => mix(halves.map((half) => half[i])).map((x) => f.let(x)))
      const write = (to: Local<'i32'>, [left, right]: readonly Vector[]): void => {
        f.do(v128.store(to, left, 0, 4))
        f.if(i32.gtS(p.columns, 1), () => f.do(v128.store(i32.add(to, p.pixel), right, 0, 4)))
      }
      write(p.to, top)
      f.if(i32.gtS(p.rows, 1), () => write(below, bottom))
      f.set(p.from, i32.add(p.from, 16))
      f.set(p.to, i32.add(p.to, 16))
      f.set(below, i32.add(below, 16))
    })
  })
}

/** What every task of tiles begins with: the words of its job, the matrices in its scratch, and the walk over a chunk. */
export function beginTiles(f: FunctionBuilder, p: Record<keyof typeof params, Local<'i32'>>) {
  const load = (i: number): Local<'i32'> => f.let(i32.load(p.job, 4 * (jobWords.length + i)))
  const words = Object.fromEntries(tileWords.map((name, i) => [name, load(i)])) as Record<
    (typeof tileWords)[number],
    Local<'i32'>
  >
  const { images, imageStep, rowStep, pixelStep, channelBytes, out, outImage, outRow, outPixel, chunk } = words
  const v = f.let(i32.add(p.scratch, words.work))
  const vStep = f.let(i32.mul(chunk, channelBytes))
  const m = f.let(i32.add(v, i32.shl(vStep, 4)))
  const mStep = f.let(i32.mul(chunk, outPixel))
  /** Calls `body` for `count` tiles from number `first` on, with where they are read, where their results lie, and how many there are. */
  const each = (first: Local<'i32'>, count: Local<'i32'>, body: (tile: Tile) => void): void =>
    f.for(0, count, 1, (index) => {
      const number = f.let(i32.add(first, index))
      const image = f.let(i32.divU(number, words.tilesOfImage))
      const place = f.let(i32.sub(number, i32.mul(image, words.tilesOfImage)))
      const line = f.let(i32.divU(place, words.tilesAcross))
      const [y, x] = [f.let(i32.shl(line, 1)), f.let(i32.shl(i32.sub(place, i32.mul(line, words.tilesAcross)), 1))]
      const at = (start: Local<'i32'>, ofImage: Local<'i32'>, row: Local<'i32'>, pixel: Local<'i32'>): Expr<'i32'> =>
        i32.add(i32.add(start, i32.mul(image, ofImage)), i32.add(i32.mul(y, row), i32.mul(x, pixel)))
      body({
        source: at(images, imageStep, rowStep, pixelStep),
        result: at(out, outImage, outRow, outPixel),
        v: i32.add(v, i32.mul(index, channelBytes)),
        m: i32.add(m, i32.mul(index, outPixel)),
        rows: i32.sub(words.height, y),
        columns: i32.sub(words.width, x),
      })
    })
  return { ...words, v, vStep, m, mStep, each }
}

type Tile = Readonly<Record<'source' | 'result' | 'v' | 'm' | 'rows' | 'columns', Expr<'i32'>>>

/** A task: the tiles of a chunk, transformed to 16 matrices, multiplied, and transformed back. */
export function buildTiles(shared: boolean, fused: boolean): Uint8Array<ArrayBuffer> {
  const module = new ModuleBuilder({ memory: { shared } })
  const [tileIn, tileOut] = [writeIn(module), writeOut(module)]
  const rectangle = writeRectangle(module, { type: 'f32', fused, shared })
  const run = module.func('winograd', { params }, (f, p) => {
    const { tiles, chunk, v, vStep, m, mStep, each, ...words } = beginTiles(f, p)
    const columns = f.let(i32.shrU(words.outPixel, 2))
    f.for(p.begin, p.end, 1, (task) => {
      const first = f.let(i32.mul(task, chunk))
      const count = f.least(i32.sub(tiles, first), chunk)
      const same = { row: words.rowStep, pixel: words.pixelStep, step: vStep, bytes: words.channelBytes }
      each(first, count, (tile) => f.do(tileIn.call({ ...same, from: tile.source, to: tile.v })))
      f.for(0, 16, 1, (i) => {
        const [a, b, c] = [[v, vStep], [words.kernels, words.kernelStep], [m, mStep]].map(([start, step]) => i32.add(start, i32.mul(i, step))) // prettier-ignore
        f.do(rectangle.call({ job: p.job, a, top: 0, b, c, bias: 0, rows: count, columns, scratch: p.scratch }))
      })
      const back = { step: mStep, row: words.outRow, pixel: words.outPixel, bytes: words.outPixel }
      each(first, count, ({ m: from, result: to, rows, columns }) => f.do(tileOut.call({ ...back, from, to, rows, columns })))
    })
  })
  module.export(run)
  return module.toBytes()
}
