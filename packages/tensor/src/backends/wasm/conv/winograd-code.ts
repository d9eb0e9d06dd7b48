/** The code of Winograd's convolution: see winograd.ts. */
import { type Expr, f32x4, type Func, i32, integers, type Local, ModuleBuilder, v128 } from '../assembler/index.ts'
import { jobWords } from '../gemm/index.ts'
import { writeRectangle } from '../gemm/rectangle.ts'

type Vector = Local<'v128'>

const params = integers('job', 'begin', 'end', 'scratch')

/** What the transform of a kernel `[3, 3, channels, filters]` is told; each task is a channel. */
export const kernelWords = ['from', 'to', 'channels', 'filters'] as const

/** What follows the words of the products, in bytes where not said otherwise: tasks are `chunk` tiles of 2 × 2 results. */
export const tileWords = [
  ...(['images', 'imageStep', 'rowStep', 'pixelStep', 'channelBytes', 'kernels', 'kernelStep'] as const),
  ...([
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
  ] as const),
] as const

const { add, sub, mul } = f32x4

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
function writeIn(module: ModuleBuilder): Func<typeof inParams, 'none'> {
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

/** A task: the tiles of a chunk, transformed to 16 matrices, multiplied, and transformed back. */
export function buildTiles(shared: boolean, fused: boolean): Uint8Array<ArrayBuffer> {
  const module = new ModuleBuilder({ memory: { shared } })
  const [tileIn, tileOut] = [writeIn(module), writeOut(module)]
  const rectangle = writeRectangle(module, { type: 'f32', fused, shared })
  const run = module.func('winograd', { params }, (f, p) => {
    const words = tileWords.map((_, i) => f.let(i32.load(p.job, 4 * (jobWords.length + i))))
    const [images, imageStep, rowStep, pixelStep, channelBytes, kernels, kernelStep] = words
    const [out, outImage, outRow, outPixel, height, width, across, ofImage, tiles, chunk, work] = words.slice(7)
    const v = f.let(i32.add(p.scratch, work))
    const vStep = f.let(i32.mul(chunk, channelBytes))
    const m = f.let(i32.add(v, i32.shl(vStep, 4)))
    const mStep = f.let(i32.mul(chunk, outPixel))
    const columns = f.let(i32.shrU(outPixel, 2))
    f.for(p.begin, p.end, 1, (task) => {
      const first = f.let(i32.mul(task, chunk))
      const count = f.least(i32.sub(tiles, first), chunk)
      const each = (body: (tile: Local<'i32'>, image: Local<'i32'>, y: Local<'i32'>, x: Local<'i32'>) => void): void =>
        f.for(0, count, 1, (tile) => {
          const number = f.let(i32.add(first, tile))
          const image = f.let(i32.divU(number, ofImage))
          const place = f.let(i32.sub(number, i32.mul(image, ofImage)))
          const line = f.let(i32.divU(place, across))
          body(tile, image, f.let(i32.shl(line, 1)), f.let(i32.shl(i32.sub(place, i32.mul(line, across)), 1)))
        })
      each((tile, image, y, x) => {
        const from = i32.add(i32.add(images, i32.mul(image, imageStep)), i32.add(i32.mul(y, rowStep), i32.mul(x, pixelStep)))
        const to = i32.add(v, i32.mul(tile, channelBytes))
        f.do(tileIn.call({ from, row: rowStep, pixel: pixelStep, to, step: vStep, bytes: channelBytes }))
      })
      f.for(0, 16, 1, (i) => {
        const [a, b, c] = [i32.add(v, i32.mul(i, vStep)), i32.add(kernels, i32.mul(i, kernelStep)), i32.add(m, i32.mul(i, mStep))]
        f.do(rectangle.call({ job: p.job, a, top: 0, b, c, bias: 0, rows: count, columns, scratch: p.scratch }))
      })
      each((tile, image, y, x) => {
        const to = i32.add(i32.add(out, i32.mul(image, outImage)), i32.add(i32.mul(y, outRow), i32.mul(x, outPixel)))
        const from = i32.add(m, i32.mul(tile, outPixel))
        const [rows, columns] = [i32.sub(height, y), i32.sub(width, x)]
        f.do(tileOut.call({ from, step: mStep, to, row: outRow, pixel: outPixel, bytes: outPixel, rows, columns }))
      })
    })
  })
  module.export(run)
  return module.toBytes()
}
