import { CsvError, LabelEncoder, parseCsv, Series, Table } from '@typegrad/data'
import { DTypeError, IndexError, ShapeError, tensor, ValueError } from '@typegrad/tensor'
import { describe, expect, test } from 'vitest'

const table = new Table({ a: [1, 2, 3], b: ['x', 'y', 'z'], c: Int32Array.of(4, 5, 6) })

describe('Table', () => {
  test('columns and shape', () => {
    expect(table.columns).toEqual(['a', 'b', 'c'])
    expect(table.shape).toEqual([3, 3])
    expect(table.column('a').values).toEqual(Float64Array.of(1, 2, 3))
    expect(table.column('c').values).toEqual(Int32Array.of(4, 5, 6))
    expect(new Table({ a: [true, false] }).column('a').values).toEqual(Float64Array.of(1, 0))
    expect(new Table({}).shape).toEqual([0, 0])
  })

  test('what is not a table', () => {
    expect(() => new Table({ a: [1], b: [1, 2] })).toThrow(ShapeError)
    expect(() => new Table({ a: [1, 'x'] as unknown as number[] })).toThrow("Table: column 'a' mixes texts")
    expect(() => new Table({ a: [null] as unknown as number[] })).toThrow(ValueError)
    expect(
      () =>
        new Table([
          ['a', [1]],
          ['a', [2]],
        ]),
    ).toThrow('two columns have the same name')
  })

  test('rows', () => {
    expect(table.row(1)).toEqual({ a: 2, b: 'y', c: 5 })
    expect(table.row(-1)).toEqual({ a: 3, b: 'z', c: 6 })
    expect(() => table.row(3)).toThrow(IndexError)
    expect(table.slice(1).column('b').values).toEqual(['y', 'z'])
    expect(table.slice(-2, -1).column('a').values).toEqual(Float64Array.of(2))
    expect(table.head(2).shape).toEqual([2, 3])
    expect(table.tail(1).column('a').values).toEqual(Float64Array.of(3))
    expect(table.tail(9).shape).toEqual([3, 3])
    expect(Object.keys(new Table([['__proto__', [1]]]).row(0))).toEqual(['__proto__'])
  })

  test('choosing columns', () => {
    expect(table.select(['c', 'a']).columns).toEqual(['c', 'a'])
    expect(table.select('b').columns).toEqual(['b'])
    expect(table.drop('b').columns).toEqual(['a', 'c'])
    expect(table.drop(['a', 'c']).columns).toEqual(['b'])
    expect(table.assign({ b: [7, 8, 9], d: [0, 0, 0] }).columns).toEqual(['a', 'b', 'c', 'd'])
    expect(table.assign({ b: [7, 8, 9] }).column('b').values).toEqual(Float64Array.of(7, 8, 9))
    expect(() => table.drop('q')).toThrow("Table: no column 'q'; there are a, b, c")
    expect(() => table.select('toString')).toThrow(IndexError)
    expect(parseCsv('1,2', { header: false }).column(1).values).toEqual(Float64Array.of(2))
  })

  test('toTensor', () => {
    const x = table.drop('b').toTensor()
    expect(x.shape).toEqual([3, 2])
    expect(x.dtype).toBe('float32')
    expect(x.toArray()).toEqual([
      [1, 4],
      [2, 5],
      [3, 6],
    ])
    expect(table.select('c').toTensor({ dtype: 'int32' }).dtype).toBe('int32')
    expect(tensor(table.drop('b')).shape).toEqual([3, 2])
    expect(() => table.toTensor()).toThrow(
      "toTensor: column 'b' holds text, 'x' in row 0; drop it, or encode it with LabelEncoder or getDummies",
    )
    expect(() => table.toTensor()).toThrow(DTypeError)
    expect(() => new Table({ a: [1, 2.5] }).toTensor({ dtype: 'int32' })).toThrow(
      "column 'a', row 1 is 2.5, which int32 cannot hold",
    )
    expect(() => new Table({ a: [1, 256] }).toTensor({ dtype: 'uint8' })).toThrow('which uint8 cannot hold')
  })

  test('text in a tensor names the line of the file', () => {
    const lines = parseCsv('a,b\n\n"1",x\n2,"y\nz"\n3,w')
    const error = catching(() => lines.slice(2).toTensor())
    expect(error).toBeInstanceOf(CsvError)
    expect(error).toMatchObject({ line: 6, column: 2 })
    expect(catching(() => lines.toTensor())).toMatchObject({ line: 3, column: 2 })
    // The column of the file, and the cell that is to blame.
    const mixed = parseCsv('a,b\n1,2\n3,4\n5,?')
    expect(catching(() => mixed.select('b').toTensor())).toMatchObject({ line: 4, column: 2 })
    expect(catching(() => mixed.column('b').toTensor())).toMatchObject({
      message: "toTensor: column 'b' holds text, '?' at line 4; drop it, or encode it with LabelEncoder or getDummies",
    })
  })

  test('Series', () => {
    const b = table.column('b')
    expect([b.name, b.dtype, b.length, b.at(-1), [...b]]).toEqual(['b', 'string', 3, 'z', ['x', 'y', 'z']])
    const a = table.column('a')
    expect([a.dtype, a.at(0), a.toArray()]).toEqual(['float64', 1, [1, 2, 3]])
    expect(table.column('c').dtype).toBe('int32')
    const x = a.toTensor()
    expect([x.dtype, x.shape, x.toArray()]).toEqual(['float32', [3], [1, 2, 3]])
    expect(tensor(a).mul(2).toArray()).toEqual([2, 4, 6])
    expect(() => b.toTensor()).toThrow("toTensor: column 'b' holds text, 'x' in row 0")
    expect(String(a.slice(1))).toBe('   a\n0  2\n1  3')
    const encoded = table.assign({
      code: new LabelEncoder().fitTransform(b),
      a2: a,
      flag: new Series('any name', [true, false, true]),
    })
    expect(encoded.columns).toEqual(['a', 'b', 'c', 'code', 'a2', 'flag'])
    expect(encoded.column('code').values).toEqual(Int32Array.of(0, 1, 2))
    expect(encoded.column('a2').name).toBe('a2')
    expect(() => table.assign({ t: tensor([[1], [2], [3]]) })).toThrow(ShapeError)
  })

  test('rows by a condition, missing cells', () => {
    const people = parseCsv('age,city,score\n20,Rome,1.5\n,Oslo,2.5\n40,,3.5\n60,Lima,', { missing: 'nan' })
    expect(
      people
        .filter((row, i) => (row['score'] as number) > 2 && i > 1)
        .column('age')
        .toArray(),
    ).toEqual([40])
    expect(people.filter(() => false).shape).toEqual([0, 3])
    expect(people.dropna().drop('city').toTensor().toArray()).toEqual([[20, 1.5]])
    expect(people.dropna(['age', 'score']).column('city').toArray()).toEqual(['Rome', ''])
    expect(people.mean()).toEqual({ age: 40, score: 2.5 })
    expect(people.median()).toEqual({ age: 40, score: 2.5 })
    const filled = people.fillna(people.mean()).fillna('unknown')
    expect([filled.column('age').toArray(), filled.column('city').toArray(), filled.column('score').at(-1)]).toEqual([
      [20, 40, 40, 60],
      ['Rome', 'Oslo', 'unknown', 'Lima'],
      2.5,
    ])
    expect(people.fillna(0).column('age').toArray()).toEqual([20, 0, 40, 60])
    expect(people.columns).toEqual(filled.columns)
    expect(() => people.fillna({ age: 'old' })).toThrow(`fillna: "old" for column 'age', which holds numbers`)
    expect([...new Series('y', ['b', 'a', 'b']).valueCounts()]).toEqual([
      ['b', 2],
      ['a', 1],
    ])
    // Errors still name the line of the file.
    expect(() => people.dropna('age').select('city').toTensor()).toThrow("column 'city' holds text, 'Rome' at line 2")
    expect(() =>
      people
        .filter((row) => row['age'] === 40)
        .select('city')
        .toTensor(),
    ).toThrow('at line 4')
  })

  test('describe', () => {
    // numpy.percentile and ddof 1, as pandas.
    const described = new Table({ v: [1, 2, 3, 4, NaN], t: ['a', 'b', 'c', 'd', 'e'] }).describe()
    expect(described.columns).toEqual(['', 'v'])
    expect(described.column('').values).toEqual(['count', 'mean', 'std', 'min', '25%', '50%', '75%', 'max'])
    expect(described.column('v').toArray()).toEqual([4, 2.5, Math.sqrt(5 / 3), 1, 1.75, 2.5, 3.25, 4])
  })

  test('toString', () => {
    expect(String(new Table({ name: ['Ada', 'Émile'], age: [36, 7.5] }))).toBe(
      ['   name    age', '0  Ada    36.0', '1  Émile   7.5'].join('\n'),
    )
    expect(String(new Table({ 이름: ['김', '이순신'], n: [1, 2] }))).toBe(
      ['   이름    n', '0  김      1', '1  이순신  2'].join('\n'),
    )
    expect(String(new Table({ a: ['x\ny', 'z'.repeat(60)] }))).toBe(`   a\n0  x\\ny\n1  ${'z'.repeat(47)}...`)
    const long = String(new Table({ n: Array.from({ length: 100 }, (_, i) => i) })).split('\n')
    expect(long).toHaveLength(14)
    expect(long.slice(5, 8)).toEqual(['  4    4', '...  ...', ' 95   95'])
    expect(long.at(-1)).toBe('[100 rows x 1 columns]')
    const wide = String(new Table(Array.from({ length: 60 }, (_, i) => [`column ${i}`, [i]] as const)))
    expect(Math.max(...wide.split('\n').map((line) => line.length))).toBeLessThanOrEqual(107)
    expect(wide).toContain('...')
    expect(wide).toContain('column 59')
    expect(String(new Table({ a: [] }))).toBe('Empty table, columns: a\n[0 rows x 1 columns]')
    expect(String(new Table({ a: [NaN, Infinity, 1e-9] }))).toContain('1.0000e-9')
  })
})

function catching(run: () => unknown): unknown {
  try {
    return run()
  } catch (error) {
    return error
  }
}
