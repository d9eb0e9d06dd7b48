import { type Func, i32, i64, integers, type ModuleBuilder, v128 } from '../assembler/index.ts'

const params = integers('from', 'fromRow', 'to', 'toRow', 'rows', 'bytes')

export type CopyRows = Func<typeof params, 'none'>

/** Copies rows of less than four vectors, `bytes` long, exactly: for tiles that C ends in. */
export function writeCopyRows(module: ModuleBuilder): CopyRows {
  return module.func('copyRows', { params }, (f, { from, fromRow, to, toRow, rows, bytes }) => {
    const vector = (at: number) => v128.store(target, v128.load(source, at, 4), at, 4)
    const pieces = [
      { size: 32, move: () => [vector(0), vector(16)] },
      { size: 16, move: () => [vector(0)] },
      { size: 8, move: () => [i64.store(target, i64.load(source, 0, 4), 0, 4)] },
      { size: 4, move: () => [i32.store(target, i32.load(source))] },
    ]
    const source = f.local('i32')
    const target = f.local('i32')
    f.repeat(rows, () => {
      f.set(source, from)
      f.set(target, to)
      for (const { size, move } of pieces) {
        f.if(i32.and(bytes, size), () => {
          f.do(...move())
          f.set(source, i32.add(source, size))
          f.set(target, i32.add(target, size))
        })
      }
      f.set(from, i32.add(from, fromRow))
      f.set(to, i32.add(to, toRow))
    })
  })
}
