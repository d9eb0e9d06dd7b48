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
import { multiplyBoth, pointsOf, type Tiling, transposed } from './winograd-points.ts'

export const params = integers('job', 'begin', 'end', 'scratch')

/** What the transform of a kernel `[…window, channels, filters]` is told: where its first tap is, and how far it is from one to the next; each task is a channel. */
export const kernelWords = ['from', 'to', 'channels', 'filters', 'nextDown', 'nextAcross'] as const

/** What follows the words of the products, in bytes where not said otherwise: `chunk` tiles are multiplied together. */
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
  'filterBytes',
  /** Of what is cut into tiles, and of the images at `out`. */
  ...(['height', 'width', 'outHeight', 'outWidth'] as const),
  'tilesAcross',
  'tilesOfImage',
  ...(['tilesOfTask', 'tiles', 'chunk', 'work'] as const),
  /** Chunks of a task, where it sums over tiles, and the blocks that filters are cut into. */
  ...(['turns', 'blocks', 'blockBytes'] as const),
] as const

/** Bytes behind each matrix: where steps are a power of two, all matrices would lie in the same lines of a cache. */
export const matrixSpare = 64

/** Columns of a panel of B as products read it, and bytes of one of its rows. */
const [panelColumns, panelRow] = [8, 32]

/** `U = G g Gᵀ` of each channel and filter, as matrices `[channels, filters]` in panels of 8 columns, or `[filters, channels]`, for gradients. */
export function buildKernelTransform(shared: boolean, tiling: Tiling, isGradient: boolean): Uint8Array<ArrayBuffer> {
  const module = new ModuleBuilder({ memory: { shared } })
  const run = module.func('transformKernel', { params }, (f, p) => {
    const [from, to, channels, filters, nextDown, nextAcross] = kernelWords.map((_, i) => f.let(i32.load(p.job, 4 * i)))
    const step = f.let(i32.add(i32.mul(i32.mul(channels, filters), 4), matrixSpare))
    const panel = f.let(i32.mul(isGradient ? filters : channels, panelRow))
    const [height, width] = [tiling.down, tiling.across].map(({ window }) => window[0].length)
    const expand = multiplyBoth(f, tiling, ({ window }) => window)
    f.for(p.begin, p.end, 1, (channel) => {
      const source = f.let(i32.add(from, i32.mul(channel, i32.mul(filters, 4))))
      const inPanel = i32.add(i32.mul(i32.divU(channel, panelColumns), panel), i32.mul(i32.and(channel, panelColumns - 1), 4))
      const target = f.let(i32.add(to, isGradient ? inPanel : i32.mul(channel, panelRow)))
      // From one half of a panel to the other, and from there to the next panel.
      const next = f.let(isGradient ? i32.const(4 * panelRow) : i32.const(16))
      f.for(0, filters, 4, () => {
        const row = f.let(source)
        const columns: Local<'v128'>[][] = Array.from({ length: width }, () => [])
        for (let i = 0; i < height; i++) {
          const at = f.let(row)
          for (const column of columns) {
            column.push(f.let(v128.load(at, 0, 4)))
            f.set(at, i32.add(at, nextAcross))
          }
          f.set(row, i32.add(row, nextDown))
        }
        const to = f.let(target)
        for (const row of expand(columns))
          for (const value of row()) {
            if (isGradient) for (let lane = 0; lane < 4; lane++) f.do(v128.store32Lane(to, value, lane, lane * panelRow, 4))
            else f.do(v128.store(to, value, 0, 4))
            f.set(to, i32.add(to, step))
          }
        f.set(source, i32.add(source, 16))
        f.set(target, i32.add(target, next))
        if (!isGradient) f.set(next, i32.sub(panel, next))
      })
    })
  })
  module.export(run)
  return module.toBytes()
}

const inParams = integers('from', 'row', 'pixel', 'to', 'step', 'next', 'bytes')

/** `V = Bᵀ d B` of the elements from `from` on, in each four channels, `next` apart: matrices are `step` apart. */
export function writeIn(module: ModuleBuilder, tiling: Tiling): Func<typeof inParams, 'none'> {
  return module.func('tileIn', { params: inParams }, (f, p) => {
    const multiply = multiplyBoth(f, tiling, ({ elements }) => elements)
    const rows = [f.let(p.from)]
    for (let i = 1; i < tiling.down.points; i++) rows.push(f.let(i32.add(rows[i - 1], p.row)))
    const pixels = [f.let(i32.const(0))]
    for (let j = 1; j < tiling.across.points; j++) pixels.push(f.let(i32.add(pixels[j - 1], p.pixel)))
    f.for(0, p.bytes, 16, () => {
      const columns = pixels.map((pixel, j) => rows.map((row) => f.let(v128.load(j === 0 ? row : i32.add(row, pixel), 0, 4))))
      const to = f.let(p.to)
      for (const row of multiply(columns))
        for (const value of row()) {
          f.do(v128.store(to, value, 0, 4))
          f.set(to, i32.add(to, p.step))
        }
      for (const row of rows) f.set(row, i32.add(row, 16))
      f.set(p.to, i32.add(p.to, p.next))
    })
  })
}

const outParams = integers('from', 'step', 'to', 'row', 'pixel', 'bytes', 'rows', 'columns')

/** What happens to what tiles say: it is the result, it is added to it, or tiles are transformed back to what the way forward reads, which they share. */
export type Outcome = 'store' | 'add' | 'mirror'

/** `Y = Aᵀ M A`, `Y += Aᵀ M A` or `Y += B M Bᵀ` in each filter, of which `rows` × `columns` results exist. */
export function writeOut(module: ModuleBuilder, tiling: Tiling, outcome: Outcome): Func<typeof outParams, 'none'> {
  const mirrored = outcome === 'mirror'
  return module.func('tileOut', { params: outParams }, (f, p) => {
    const { down, across } = tiling
    const multiply = multiplyBoth(f, tiling, ({ results, elements }) => (mirrored ? transposed(elements) : results))
    const pixels = [f.let(i32.const(0))]
    for (let j = 1; j < (mirrored ? across.points : across.outputs); j++) pixels.push(f.let(i32.add(pixels[j - 1], p.pixel)))
    f.for(0, p.bytes, 16, () => {
      const at = f.let(p.from)
      const lines = Array.from({ length: down.points }, () =>
        Array.from({ length: across.points }, () => {
          const one = f.let(v128.load(at, 0, 4))
          f.set(at, i32.add(at, p.step))
          return one
        }),
      )
      const to = f.let(p.to)
      multiply(lines[0].map((_, j) => lines.map((line) => line[j]))).forEach((row, i) => {
        const write = (): void => {
          row().forEach((value, j) => {
            const store = (): void => {
              const place = j === 0 ? to : f.let(i32.add(to, pixels[j]))
              f.do(v128.store(place, outcome !== 'store' ? f32x4.add(v128.load(place, 0, 4), value) : value, 0, 4))
            }
            if (j === 0) store()
            else f.if(i32.gtS(p.columns, j), store)
          })
          f.set(to, i32.add(to, p.row))
        }
        if (i === 0) write()
        else f.if(i32.gtS(p.rows, i), write)
      })
      f.set(p.from, i32.add(p.from, 16))
      f.set(p.to, i32.add(p.to, 16))
    })
  })
}

/** What every task of tiles begins with: the words of its job, the matrices in its scratch, and the walk over a chunk. */
export function beginTiles(f: FunctionBuilder, p: Record<keyof typeof params, Local<'i32'>>, tiling: Tiling) {
  const load = (i: number): Local<'i32'> => f.let(i32.load(p.job, 4 * (jobWords.length + i)))
  const words = Object.fromEntries(tileWords.map((name, i) => [name, load(i)])) as Record<
    (typeof tileWords)[number],
    Local<'i32'>
  >
  const { images, imageStep, rowStep, pixelStep, channelBytes, out, outImage, outRow, outPixel, chunk } = words
  const v = f.let(i32.add(p.scratch, words.work))
  const vStep = f.let(i32.add(i32.mul(chunk, channelBytes), matrixSpare))
  const m = f.let(i32.add(v, i32.mul(vStep, pointsOf(tiling))))
  const mStep = f.let(i32.add(i32.mul(chunk, words.filterBytes), matrixSpare))
  /** Calls `body` for `count` tiles from number `first` on, with where they are read, where their results lie, and how many there are. */
  const each = (first: Local<'i32'>, count: Local<'i32'>, body: (tile: Tile) => void): void =>
    f.for(0, count, 1, (index) => {
      const number = f.let(i32.add(first, index))
      const image = f.let(i32.divU(number, words.tilesOfImage))
      const place = f.let(i32.sub(number, i32.mul(image, words.tilesOfImage)))
      const line = f.let(i32.divU(place, words.tilesAcross))
      const y = f.let(i32.mul(line, tiling.down.outputs))
      const x = f.let(i32.mul(i32.sub(place, i32.mul(line, words.tilesAcross)), tiling.across.outputs))
      const at = (start: Local<'i32'>, ofImage: Local<'i32'>, row: Local<'i32'>, pixel: Local<'i32'>): Expr<'i32'> =>
        i32.add(i32.add(start, i32.mul(image, ofImage)), i32.add(i32.mul(y, row), i32.mul(x, pixel)))
      body({
        source: at(images, imageStep, rowStep, pixelStep),
        result: at(out, outImage, outRow, outPixel),
        index,
        rows: i32.sub(words.height, y),
        columns: i32.sub(words.width, x),
        y,
        x,
      })
    })
  return { ...words, v, vStep, m, mStep, each }
}

type Tile = Readonly<Record<'source' | 'result' | 'index' | 'rows' | 'columns' | 'y' | 'x', Expr<'i32'>>>
