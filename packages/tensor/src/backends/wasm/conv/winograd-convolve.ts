/** The code of a convolution, and of the gradient for its input, by tiles: see winograd.ts. */
import { i32, memory, ModuleBuilder } from '../assembler/index.ts'
import { writeRectangle } from '../gemm/rectangle.ts'
import { pointsOf, type Tiling } from './winograd-points.ts'
import { writeSlopeIn } from './winograd-slopes.ts'
import { beginTiles, type Outcome, params, writeIn, writeOut } from './winograd-tiles.ts'

/**
 * A task: some tiles, chunk by chunk transformed to a matrix for each point, multiplied, and transformed back. To `mirror` they
 * are those of whole images, which are the sums of all that their tiles say.
 */
export function buildTiles(shared: boolean, fused: boolean, tiling: Tiling, outcome: Outcome): Uint8Array<ArrayBuffer> {
  const mirrored = outcome === 'mirror'
  const module = new ModuleBuilder({ memory: { shared } })
  const [tileIn, tileOut] = [writeIn(module, tiling), writeOut(module, tiling, outcome)]
  const slopeIn = mirrored ? writeSlopeIn(module, tiling) : undefined
  const rectangle = writeRectangle(module, { type: 'f32', fused, shared })
  const run = module.func('winograd', { params }, (f, p) => {
    const { chunk, tilesOfTask, v, vStep, m, mStep, each, ...words } = beginTiles(f, p, tiling)
    const { channelBytes, filterBytes, outImage, tilesOfImage } = words
    const columns = f.let(i32.shrU(filterBytes, 2))
    const source = { row: words.rowStep, pixel: words.pixelStep, step: vStep, bytes: channelBytes }
    const target = { row: words.outRow, pixel: words.outPixel, step: mStep, bytes: filterBytes }
    f.for(p.begin, p.end, 1, (task) => {
      const begin = f.let(i32.mul(task, tilesOfTask))
      const tiles = f.least(i32.sub(words.tiles, begin), tilesOfTask)
      if (mirrored) {
        const images = i32.mul(i32.divU(begin, tilesOfImage), outImage)
        f.do(memory.fill(i32.add(words.out, images), 0, i32.mul(i32.divU(tiles, tilesOfImage), outImage)))
      }
      f.for(0, tiles, chunk, (done) => {
        const first = f.let(i32.add(begin, done))
        const count = f.least(i32.sub(tiles, done), chunk)
        each(first, count, ({ source: from, index, rows, columns }) => {
          const to = i32.add(v, i32.mul(index, channelBytes))
          f.do(
            slopeIn
              ? slopeIn.call({ ...source, from, to, panel: rowOfVectors, rows, columns })
              : tileIn.call({ ...source, from, to, next: 16 }),
          )
        })
        f.for(0, pointsOf(tiling), 1, (i) => {
          const [a, b, c] = [[v, vStep], [words.kernels, words.kernelStep], [m, mStep]].map(([start, step]) => i32.add(start, i32.mul(i, step))) // prettier-ignore
          f.do(rectangle.call({ job: p.job, a, top: 0, b, c, bias: 0, rows: count, columns, scratch: p.scratch }))
        })
        each(first, count, ({ result: to, index, y, x }) => {
          const [rows, columns] = [i32.sub(words.outHeight, y), i32.sub(words.outWidth, x)]
          f.do(tileOut.call({ ...target, from: i32.add(m, i32.mul(index, filterBytes)), to, rows, columns }))
        })
      })
    })
  })
  module.export(run)
  return module.toBytes()
}

/** A panel of one row: the second vector follows the first. */
const rowOfVectors = 32
