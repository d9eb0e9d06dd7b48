import { bytesPerElement, type DType } from '../../../dtype.ts'
import {
  type Expr,
  type Func,
  type FunctionBuilder,
  i32,
  i64,
  integers,
  type Local,
  memory,
  type ModuleBuilder,
  select,
} from '../assembler/index.ts'
import { type Held, recordsOf, type Records } from './records.ts'

type Int = Local<'i32'>

const params = integers('job', 'begin', 'end', 'scratch')

/** Rows of up to so many elements are sorted by insertion, longer ones by digits, the long ones by larger digits. */
const short = 40
const long = 1 << 13
/** So many positions, or fewer, of a row that is not short are found by keeping the best so far. */
const few = 64

/** Bits of a digit. */
const [small, large] = [8, 11]

/** Bytes in front of the records in the scratch of a thread: how often each digit occurs, at each place of the longest key. */
export const countBytes = Math.max(...[small, large].map((bits) => Math.ceil(64 / bits) * 4 * 2 ** bits))

/** Bytes that the records of a row take: they are moved from one place to another. */
export const recordBytes = (dtype: DType, length: number): number => 2 * length * recordsOf[dtype].bytes

/**
 * Writes the function that finds the first positions in the stable order of each row: tasks `begin` to `end` are rows. Words of the job:
 * the addresses of x and of the result, the lengths of a row of both, 1 for a descending order, where the records of the first row
 * go, and how far those of the next one are from there, or 0 if all go into the scratch.
 */
export function writeArgsort(module: ModuleBuilder, dtype: DType): Func<typeof params, 'none'> {
  const kind = recordsOf[dtype]
  const width = bytesPerElement(dtype)
  const bySmall = writeByDigits(module, kind, small)
  const byLarge = writeByDigits(module, kind, large)
  return module.func('argsort', { params }, (f, p) => {
    const [x, out, length, count, descending, space, step] = Array.from({ length: 7 }, (_, i) => f.let(i32.load(p.job, 4 * i)))
    const flip = f.let(i64.sub(0n, i64.extendI32U(descending)))
    const size = f.let(i32.mul(length, kind.bytes))
    f.for(p.begin, p.end, 1, (row) => {
      const from = f.let(i32.add(x, i32.mul(row, i32.mul(length, width))))
      const first = f.let(select(step, i32.add(space, i32.mul(row, step)), i32.add(p.scratch, countBytes)))
      const second = i32.add(first, size)
      const hold = (i: Int): Held => kind.hold(f, i32.add(from, i32.mul(i, width)), i, flip)
      const place = (i: Int): Int => f.let(i32.add(first, i32.mul(i, kind.bytes)))
      const insert = (at: Int, record: Held): void => {
        writeMakeRoom(f, kind, first, at, record)
        f.do(...kind.put(at, record))
      }
      const insertUpTo = (end: Int): void => f.for(0, end, 1, (i) => insert(place(i), hold(i)))
      f.if(
        i32.leU(length, short),
        () => insertUpTo(length),
        () =>
          f.if(
            i32.leU(count, few),
            () => {
              insertUpTo(count)
              const last = f.let(i32.add(first, i32.mul(i32.sub(count, 1), kind.bytes)))
              f.for(count, length, 1, (i) => {
                const record = hold(i)
                f.if(i64.ltU(record.word, i64.load(last)), () => insert(f.let(last), record))
              })
            },
            () => {
              f.for(0, length, 1, (i) => f.do(...kind.put(place(i), hold(i))))
              const args = { from: first, to: second, size, counts: p.scratch }
              f.if(
                i32.ltU(length, long),
                () => f.set(first, bySmall.call(args)),
                () => f.set(first, byLarge.call(args)),
              )
            },
          ),
      )
      const to = f.let(i32.add(out, i32.mul(row, i32.mul(count, 4))))
      f.repeat(count, () => {
        f.do(i32.store(to, kind.position(first)))
        f.set(to, i32.add(to, 4))
        f.set(first, i32.add(first, kind.bytes))
      })
    })
  })
}

/** Moves the records from `start` to `at` that come after one by a place, and `at` to where that one goes. */
function writeMakeRoom(f: FunctionBuilder, kind: Records, start: Int, at: Int, { word }: Held): void {
  f.block((exit) =>
    f.loop((again) => {
      f.branchIf(exit, i32.leU(at, start))
      const before = f.let(i32.sub(at, kind.bytes))
      f.branchIf(exit, i64.leU(i64.load(before), word))
      f.do(kind.move(at, before))
      f.set(at, before)
      f.branch(again)
    }),
  )
}

const digitParams = integers('from', 'to', 'size', 'counts')

/** Writes a function that sorts records digit by digit, the lowest first, and returns which of its two places has them at the end. */
function writeByDigits(module: ModuleBuilder, kind: Records, bits: number): Func<typeof digitParams, 'i32'> {
  const [low, high] = kind.bits
  const shifts = Array.from({ length: Math.ceil((high - low) / bits) }, (_, k) => low + k * bits)
  const table = 4 * 2 ** bits
  return module.func(`by${bits}Bits`, { params: digitParams, result: 'i32' }, (f, { from, to, size, counts }) => {
    /** Where the count of a digit is, but for the place of the digit. */
    const countOf = (word: Expr<'i64'>, shift: number): Int => {
      const digit = shift >= 2 ? i64.shrU(word, BigInt(shift - 2)) : i64.shl(word, BigInt(2 - shift))
      return f.let(i32.add(counts, i32.and(i32.wrapI64(digit), table - 4)))
    }
    f.do(memory.fill(counts, 0, shifts.length * table))
    f.for(0, size, kind.bytes, (at) => {
      const word = f.let(i64.load(i32.add(from, at)))
      shifts.forEach((shift, k) => {
        const count = countOf(word, shift)
        f.do(i32.store(count, i32.add(i32.load(count, k * table), kind.bytes), k * table))
      })
    })
    shifts.forEach((shift, k) => {
      // Nothing moves where all have the same digit.
      f.if(i32.ne(i32.load(countOf(i64.load(from), shift), k * table), size), () => {
        const sum = f.let(to)
        f.for(0, table, 4, (digit) => {
          const at = f.let(i32.add(counts, digit))
          const count = f.let(i32.load(at, k * table))
          f.do(i32.store(at, sum, k * table))
          f.set(sum, i32.add(sum, count))
        })
        f.for(0, size, kind.bytes, (at) => {
          const source = f.let(i32.add(from, at))
          const count = countOf(i64.load(source), shift)
          const target = f.let(i32.load(count, k * table))
          f.do(i32.store(count, i32.add(target, kind.bytes), k * table))
          f.do(kind.move(target, source))
        })
        const other = f.let(from)
        f.set(from, to)
        f.set(to, other)
      })
    })
    f.return(from)
  })
}
