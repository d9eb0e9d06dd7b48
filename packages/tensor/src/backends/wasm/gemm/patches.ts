import { type Func, type FunctionBuilder, i32, integers, type Local, type ModuleBuilder, v128 } from '../assembler/index.ts'
import { loadWords } from './job.ts'
import { type Real, reals, tileRows, transpose } from './real.ts'

const params = integers('job', 'from', 'first', 'lanes', 'front', 'depth', 'to')

export type PackPatches = Func<typeof params, 'none'>

/**
 * Packs a block of a matrix of patches, as `writePack` packs one of a matrix: lanes `first` …, and `depth` steps from `front` on.
 *
 * Row r of the matrix is place `r % places` of image `⌊r / places⌋`, column k is element `k % runLength` of run
 * `⌊k / runLength⌋`; the element lies at `from + image · imageStep + placeTable[place] + runTable[run]` and so many elements on.
 * Lanes are rows, or of the transposed matrix columns. Up to 12 bytes behind a run are read, and up to 48 behind the last
 * panel written.
 */
export function writePackPatches(module: ModuleBuilder, type: Real, transposed: boolean): PackPatches {
  const panel = transposed ? writeColumns(module, type) : writeRows(module, type)
  return module.func('packPatches', { params }, (f, p) => {
    const step = f.let(i32.mul(p.depth, tileRows * reals[type].bytes))
    f.for(0, p.lanes, tileRows, (i) => {
      f.do(panel.call({ ...p, first: i32.add(p.first, i), lanes: i32.sub(p.lanes, i) }))
      f.set(p.to, i32.add(p.to, step))
    })
  })
}

type Locals = { readonly [N in keyof typeof params]: Local<'i32'> }

/** Walks the rows of the matrix from row number `row` on. */
function walkRows(f: FunctionBuilder, p: Locals, row: Local<'i32'>): { address: () => Local<'i32'>; next: () => void } {
  const [imageStep, places, placeTable] = loadWords(f, p.job, 'imageStep', 'places', 'placeTable')
  const image = f.let(i32.divU(row, places))
  const place = f.let(i32.sub(row, i32.mul(image, places)))
  const base = f.let(i32.add(p.from, i32.mul(image, imageStep)))
  return {
    address: () => f.let(i32.add(base, i32.load(i32.add(placeTable, i32.shl(place, 2))))),
    next() {
      f.set(place, i32.add(place, 1))
      f.if(i32.eq(place, places), () => {
        f.set(place, 0)
        f.set(base, i32.add(base, imageStep))
      })
    },
  }
}

/** A panel of four rows: runs are transposed, square by square. */
function writeRows(module: ModuleBuilder, type: Real): PackPatches {
  const { bytes, lanes: size } = reals[type]
  return module.func('patchRows', { params }, (f, p) => {
    const [runTable, runLength] = loadWords(f, p.job, 'runTable', 'runLength')
    const walk = walkRows(f, p, p.first)
    const rows: Local<'i32'>[] = []
    for (let i = 0; i < tileRows; i++) {
      rows.push(walk.address())
      // The last row stands for those that are missing.
      f.if(i32.gtU(p.lanes, i + 1), walk.next)
    }
    const run = f.let(i32.divU(p.front, runLength))
    const skip = f.let(i32.sub(p.front, i32.mul(run, runLength)))
    const entry = f.let(i32.add(runTable, i32.shl(run, 2)))
    f.while(p.depth, () => {
      const length = f.least(i32.sub(runLength, skip), p.depth)
      const start = f.let(i32.add(i32.load(entry), i32.mul(skip, bytes)))
      const end = f.let(i32.add(p.to, i32.mul(length, tileRows * bytes)))
      const at = rows.map((row) => f.let(i32.add(row, start)))
      f.doWhile(
        () => {
          for (let first = 0; first < tileRows; first += size) {
            const square = at.slice(first, first + size).map((address) => f.let(v128.load(address, 0, bytes)))
            transpose(f, type, square).forEach((vector, k) => f.do(v128.store(p.to, vector, (k * tileRows + first) * bytes)))
          }
          for (const address of at) f.set(address, i32.add(address, 16))
          f.set(p.to, i32.add(p.to, size * tileRows * bytes))
        },
        () => i32.ltU(p.to, end),
      )
      f.set(p.to, end)
      f.set(p.depth, i32.sub(p.depth, length))
      f.set(entry, i32.add(entry, 4))
      f.set(skip, 0)
    })
  })
}

/** A panel of four columns: one vector of each row, where they are neighbours. */
function writeColumns(module: ModuleBuilder, type: Real): PackPatches {
  const { bytes, lanes: size, first: load, lane: loadLane } = reals[type]
  return module.func('patchColumns', { params }, (f, p) => {
    const [runTable, runLength] = loadWords(f, p.job, 'runTable', 'runLength')
    const run = f.let(i32.divU(p.first, runLength))
    const skip = f.let(i32.sub(p.first, i32.mul(run, runLength)))
    const columns: Local<'i32'>[] = []
    for (let i = 0; i < tileRows; i++) {
      columns.push(f.let(i32.add(i32.load(i32.add(runTable, i32.shl(run, 2))), i32.mul(skip, bytes))))
      f.if(i32.gtU(p.lanes, i + 1), () => {
        f.set(skip, i32.add(skip, 1))
        f.if(i32.eq(skip, runLength), () => {
          f.set(skip, 0)
          f.set(run, i32.add(run, 1))
        })
      })
    }
    const vectors = tileRows / size
    const eachRow = (copy: (row: Local<'i32'>) => void): void => {
      const walk = walkRows(f, p, p.front)
      f.repeat(p.depth, () => {
        copy(walk.address())
        f.set(p.to, i32.add(p.to, tileRows * bytes))
        walk.next()
      })
    }
    const pairs = columns.slice(1).map((column, i) => i32.eq(column, i32.add(columns[i], bytes)))
    f.if(
      pairs.reduce((all, pair) => i32.and(all, pair)),
      () =>
        eachRow((row) => {
          const from = f.let(i32.add(row, columns[0]))
          for (let i = 0; i < vectors; i++) f.do(v128.store(p.to, v128.load(from, 16 * i, bytes), 16 * i))
        }),
      () =>
        eachRow((row) => {
          for (let i = 0; i < vectors; i++) {
            const [head, ...rest] = columns.slice(i * size, (i + 1) * size)
            const vector = f.let(load(i32.add(row, head)))
            rest.forEach((column, lane) => f.set(vector, loadLane(i32.add(row, column), vector, lane + 1)))
            f.do(v128.store(p.to, vector, 16 * i))
          }
        }),
    )
  })
}
