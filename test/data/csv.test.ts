import { CsvError, LoadError, parseCsv, readCsv, readCsvChunks, Table, type CsvOptions } from '@typegrad/data'
import { ValueError } from '@typegrad/tensor'
import fc from 'fast-check'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { parse } from 'csv-parse/sync'
import { runs } from '../tensor/properties.ts'

const rowsOf = (table: Table): unknown[][] =>
  Array.from({ length: table.length }, (_, i) => table.columns.map((name) => table.column(name).values[i]))

/** What a call returns or throws. */
function outcome(run: () => unknown): unknown {
  try {
    return run()
  } catch (error) {
    return error
  }
}

describe('parseCsv', () => {
  test('numbers become typed arrays, other columns texts', () => {
    const table = parseCsv('age,name\n31,Ada\n-4.5e1,Émile\n')
    expect(table.columns).toEqual(['age', 'name'])
    expect(table.shape).toEqual([2, 2])
    expect(table.column('age').values).toEqual(Float64Array.of(31, -45))
    expect(table.column('name').values).toEqual(['Ada', 'Émile'])
  })

  test.each<[string, string, CsvOptions, unknown[][]]>([
    ['comma in quotes', 'a,b\n"1,5",2', {}, [['1,5', 2]]],
    ['doubled quotes', 'a\n"say ""hi"""', {}, [['say "hi"']]],
    ['line ends in quotes', 'a,b\n"x\ny\r\nz",1\n', {}, [['x\ny\r\nz', 1]]],
    [
      'quoted numbers',
      'a,b\n"0",1\n"2",3',
      {},
      [
        [0, 1],
        [2, 3],
      ],
    ],
    ['empty quoted field', 'a,b\n"",x', {}, [['', 'x']]],
    ['byte-order mark', '\ufeffa\n1', {}, [[1]]],
    [
      'CRLF',
      'a,b\r\n1,2\r\n3,4\r\n',
      {},
      [
        [1, 2],
        [3, 4],
      ],
    ],
    [
      'CR alone',
      'a,b\r1,2\r3,4',
      {},
      [
        [1, 2],
        [3, 4],
      ],
    ],
    ['mixed line ends', 'a\n1\r\n2\r3', {}, [[1], [2], [3]]],
    ['blank lines', 'a\n\n1\n\n\r\n2\n\n', {}, [[1], [2]]],
    ['semicolons', 'a;b\n1;2', { delimiter: ';' }, [[1, 2]]],
    ['tabs', 'a\tb\n1\t2', { delimiter: '\t' }, [[1, 2]]],
    ['a delimiter of two letters', 'a::b\n1::"2::3"', { delimiter: '::' }, [[1, '2::3']]],
    ['runs of blanks', ' a   b\n  1 \t 2\n', { delimiter: 'whitespace' }, [[1, 2]]],
    ['another quote', "a\n'x,''y'''", { quote: "'" }, [["x,'y'"]]],
    ['no quote', 'a,b\n"x,1', { quote: null }, [['"x', 1]]],
    [
      'no header',
      '1,2\n3,4',
      { header: false },
      [
        [1, 2],
        [3, 4],
      ],
    ],
    ['own header', '1,x', { header: ['n', 's'] }, [[1, 'x']]],
    ['prototype names', '__proto__,constructor\n1,x', {}, [[1, 'x']]],
    ['text that looks like code', 'a\n0x1F\n1_000', {}, [['0x1F'], ['1_000']]],
    ['leading zeros keep their spelling in a text column', 'a\n007\n1.0\nx', {}, [['007'], ['1.0'], ['x']]],
    ['zeros', 'a\n0e5\n0E1\n00\n-0.0e-5\n.0', {}, [[0], [0], [0], [-0], [0]]],
    ['infinity', 'a\ninf\n-Infinity\n+1', {}, [[Infinity], [-Infinity], [1]]],
    ['blanks around numbers', 'a,b\n 1 ,2\t', {}, [[1, 2]]],
    [
      'missing as text',
      'a,b\n,x\nNA,',
      {},
      [
        ['', 'x'],
        ['NA', ''],
      ],
    ],
    [
      'missing as NaN',
      'a,b\n,x\n1,\nnull,y',
      { missing: 'nan' },
      [
        [NaN, 'x'],
        [1, ''],
        [NaN, 'y'],
      ],
    ],
    ['own missing value', 'a\n1\n?', { missing: 'nan', naValues: ['?'] }, [[1], [NaN]]],
    [
      'nothing but missing',
      'a,b\n1,\n2,',
      { missing: 'nan' },
      [
        [1, NaN],
        [2, NaN],
      ],
    ],
    ['all as text', 'a\n1', { dtype: 'string' }, [['1']]],
  ])('%s', (_, text, options, rows) => {
    expect(rowsOf(parseCsv(text, options))).toEqual(rows)
  })

  test('names of columns', () => {
    expect(parseCsv('1,2\n3,4', { header: false }).columns).toEqual(['0', '1'])
    expect(parseCsv('a,a,,a.1,\n1,2,3,4,5').columns).toEqual(['a', 'a.1', 'Unnamed: 2', 'a.1.1', 'Unnamed: 4'])
    expect(parseCsv('1,2\n3,4', { header: true }).columns).toEqual(['1', '2'])
  })

  test('dtype makes the arrays', () => {
    const table = parseCsv('a,b,c\n1,2,3', { dtype: { a: 'int32', b: 'float32', c: 'string' } })
    expect(['a', 'b', 'c'].map((name) => table.column(name).values)).toEqual([Int32Array.of(1), Float32Array.of(2), ['3']])
    expect(() => parseCsv('a\n1', { dtype: { b: 'int32' } })).toThrow("parseCsv: dtype names 'b', no such column; there are 'a'")
  })

  test.each<[string, string, CsvOptions, number, number, string]>([
    ['a short row', 'a,b\n1,2\n3\n', {}, 3, 2, "parseCsv: line 3 has 1 field: '3', expected 2"],
    ['a long row', 'a,b\n1,2,3', {}, 2, 3, 'parseCsv: line 2 has 3 fields, expected 2'],
    ['a short row after line ends in quotes', 'a,b\n"x\r\ny\nz",2\n\n3\n', {}, 6, 2, 'parseCsv: line 6 has 1 field'],
    ['a short row among quoted ones', 'a,b\n"1","2"\n"3"\n"4","5"', {}, 3, 2, 'parseCsv: line 3 has 1 field'],
    ['a header shorter than the rows', '"a"\n1,"2"\n3,4', {}, 2, 2, 'parseCsv: line 2 has 2 fields, expected 1'],
    ['own names, too few', '1,2', { header: ['a'] }, 1, 2, 'parseCsv: line 1 has 2 fields, expected 1'],
    ['empty text', '', {}, 1, 1, 'parseCsv: the text is empty'],
    ['blank lines only', '\n\n', {}, 1, 1, 'parseCsv: the text is empty'],
    ['a header of numbers', '1,2\n3,4', {}, 1, 1, 'parseCsv: line 1 holds only numbers; pass header: false'],
    ['an open quote', 'a,b\n1,2\n3,"x\ny\nz', {}, 3, 2, 'parseCsv: line 3, column 2: a quote is opened and never closed'],
    ['an open quote after a doubled one', 'a\n"x\n""y\nz', {}, 2, 1, 'parseCsv: line 2, column 1: a quote is opened'],
    ['a quote in a field', 'a,b\n1,2\n3,x"y"', {}, 3, 2, 'parseCsv: line 3, column 2: a quote stands inside an unquoted field'],
    ['text after a quote', 'a,b\n"x"y,2', {}, 2, 1, 'parseCsv: line 2, column 1: text follows a closing quote'],
    [
      'a missing number',
      'age,b\n1,2\n,4',
      {},
      3,
      1,
      "parseCsv: line 3, column 1 'age': the value is missing; pass missing: 'nan'",
    ],
    ['a missing number by name', 'age,b\n1,2\n3,NA', {}, 3, 2, "parseCsv: line 3, column 2 'b': 'NA' stands for a missing value"],
    [
      'text where a number must be',
      'a,b\n1,2\nx,3',
      { dtype: { a: 'float64' } },
      3,
      1,
      "parseCsv: line 3, column 1 'a': 'x' is not a number",
    ],
    [
      'a fraction where an int must be',
      'a\n1\n2.5',
      { dtype: 'int32' },
      3,
      1,
      "parseCsv: line 3, column 1 'a': '2.5' is not an int32",
    ],
    ['a missing int', 'a\n1\n""', { dtype: 'int32', missing: 'nan' }, 3, 1, "'a': the value is missing, and int32 has no NaN"],
  ])('%s', (_, text, options, line, column, message) => {
    const error = outcome(() => parseCsv(text, options))
    expect(error).toBeInstanceOf(CsvError)
    expect(error).toMatchObject({ name: 'CsvError', message: expect.stringContaining(message), line, column })
  })

  test('options that cannot be', () => {
    for (const options of [{ delimiter: '' }, { delimiter: '\n' }, { quote: 'ab' }, { quote: ',' }]) {
      expect(() => parseCsv('a\nb', options)).toThrow(ValueError)
    }
    // @ts-expect-error bytes are not text
    expect(() => parseCsv(new Uint8Array(3))).toThrow('to read a file use readCsv')
  })

  test('a column of numbers that turns to text late is read again as text', () => {
    const text = `a,b\n${'01,1\n'.repeat(50_000)}x,2\n`
    const table = parseCsv(text)
    expect(table.column('a').values.slice(-2)).toEqual(['01', 'x'])
    expect(table.column('b').values.at(-1)).toBe(2)
  })

  test('any quoted table comes back', () => {
    const cell = fc.string({ unit: fc.constantFrom('a', '1', '"', ',', ';', '\n', '\r', ' ', 'é', '漢', '😀'), maxLength: 6 })
    const tables = fc
      .integer({ min: 1, max: 4 })
      .chain((width) => fc.array(fc.array(cell, { minLength: width, maxLength: width }), { maxLength: 8 }))
    fc.assert(
      fc.property(
        tables,
        fc.constantFrom(',', ';', '\t', '||'),
        fc.constantFrom('\n', '\r\n', '\r'),
        fc.boolean(),
        (rows, delimiter, end, all) => {
          fc.pre(rows.length > 0)
          const quoted = (text: string): string =>
            all || text === '' || /["\r\n,;\t|]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text
          const text = rows.map((row) => row.map(quoted).join(delimiter)).join(end)
          expect(rowsOf(parseCsv(text, { header: false, delimiter, dtype: 'string' }))).toEqual(rows)
        },
      ),
    )
  })

  test('text without quotes is split as csv-parse splits it', () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom('a', ',', '\n', '\r', ' ', 'é'), maxLength: 60 }), (text) => {
        const expected = parse(text, { record_delimiter: ['\r\n', '\n', '\r'], skip_empty_lines: true, relax_column_count: true })
        fc.pre(expected.length > 0 && expected.every((row) => row.length === expected[0].length))
        expect(rowsOf(parseCsv(text, { header: false, dtype: 'string' }))).toEqual(expected)
      }),
    )
  })

  test('no text makes it throw anything but a CsvError', () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom('a', '1', '"', ',', '\n', '\r', '\ufeff', '\0'), maxLength: 40 }), (text) => {
        const result = outcome(() => parseCsv(text))
        expect(result instanceof Table || (result instanceof CsvError && result.line > 0 && result.column > 0)).toBe(true)
      }),
      runs(10),
    )
  })

  test('numbers are read as JavaScript reads decimal ones', () => {
    fc.assert(
      fc.property(fc.double({ noNaN: true }), (value) => {
        const text = Object.is(value, -0) ? '-0' : String(value)
        const column = parseCsv(`a\n${text}\n ${text} `, { header: true }).column('a').values
        expect(column[0]).toBe(value)
        expect(column[1]).toBe(value)
      }),
    )
  })

  test.each([
    ['a million columns', 'a,'.repeat(1e6)],
    ['a million quoted columns', '"a",'.repeat(1e6)],
    ['quotes', `a\n${'"'.repeat(1e6 + 1)}`],
    ['an open quote', `a,"${'x'.repeat(1e6)}`],
    ['an open quote over many lines', `a,"${'x\n'.repeat(5e5)}`],
    ['short rows', `a,b\n${'1\n'.repeat(5e5)}`],
    ['quoted short rows', `a,b\n${'"1"\n'.repeat(3e5)}`],
    ['quotes in fields', 'a\nx"y\n'.repeat(2e5)],
    ['empty lines', '\n'.repeat(1e6)],
  ])('a megabyte of %s is refused in time', (_, text) => {
    const start = performance.now()
    expect(() => parseCsv(text)).toThrow(CsvError)
    expect(performance.now() - start).toBeLessThan(3000)
  })

  test.each([
    ['digits', `a\n${'1'.repeat(1e6)}x`],
    ['blanks', `a\n${' '.repeat(1e6)}x`],
    ['minus signs', `a\n${'-'.repeat(1e6)}`],
    ['inf', `a\n${'inf'.repeat(3e5)}`],
    ['one field', 'x'.repeat(1e6)],
    ['carriage returns', `a\n${'\r'.repeat(1e6)}b`],
  ])('a megabyte of %s is read in time', (_, text) => {
    const start = performance.now()
    parseCsv(text)
    expect(performance.now() - start).toBeLessThan(1000)
  })
})

describe('readCsv', () => {
  let folder: string
  const file = async (name: string, content: string | Uint8Array): Promise<string> => {
    await writeFile(join(folder, name), content)
    return join(folder, name)
  }
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'typegrad-csv-'))
  })
  afterAll(() => rm(folder, { recursive: true }))

  test('a path, a file URL, a File and a Blob', async () => {
    const path = await file('a.csv', 'a,b\n1,x\n')
    const url = pathToFileURL(path)
    for (const source of [path, url, url.href, new File(['a,b\n1,x\n'], 'a.csv'), new Blob(['a,b\n', '1,x'])]) {
      expect(rowsOf(await readCsv(source))).toEqual([[1, 'x']])
    }
  })

  test('what cannot be read', async () => {
    await expect(readCsv(join(folder, 'none.csv'))).rejects.toThrow(/^readCsv: '.*none.csv', no such file$/)
    await expect(readCsv(folder)).rejects.toThrow('it is a folder')
    await expect(readCsv(join(folder, 'none.csv'))).rejects.toBeInstanceOf(LoadError)
    // @ts-expect-error a number names no file
    await expect(readCsv(3)).rejects.toBeInstanceOf(LoadError)
    await expect(readCsv(await file('empty.csv', ''))).rejects.toMatchObject({ name: 'CsvError', line: 1, column: 1 })
  })

  test('encodings', async () => {
    const korean = Uint8Array.of(0xc0, 0xcc, 0xb8, 0xa7, 0x0a, 0xb1, 0xe8) // 이름\n김 in EUC-KR
    const path = await file('korean.csv', korean)
    expect(rowsOf(await readCsv(path, { encoding: 'euc-kr' }))).toEqual([['김']])
    expect((await readCsv(path, { encoding: 'euc-kr' })).columns).toEqual(['이름'])
    await expect(readCsv(path)).rejects.toThrow("not utf-8 somewhere after byte 0; pass its encoding: 'euc-kr'")
    await expect(readCsv(path, { encoding: 'klingon' })).rejects.toThrow("encoding 'klingon' is unknown")
    const utf16 = Buffer.from('\ufeffa\n1', 'utf16le')
    expect(rowsOf(await readCsv(await file('excel.csv', utf16)))).toEqual([[1]])
    expect(rowsOf(await readCsv(await file('bom.csv', '\ufeffa\n1')))).toEqual([[1]])
  })

  test('a file cut into pieces anywhere is read as one text', async () => {
    const text = 'a,b,c\r\n1,"x\r\n""y""",é\r\n22,"",漢\r\n3,z,😀'
    const bytes = new TextEncoder().encode(text)
    const whole = rowsOf(parseCsv(text))
    for (let size = 1; size < 12; size++) {
      const parts: Uint8Array<ArrayBuffer>[] = Array.from({ length: Math.ceil(bytes.length / size) }, (_, i) =>
        bytes.slice(i * size, (i + 1) * size),
      )
      const blob = new Blob(parts)
      // A blob may join its parts, so the pieces are handed out one by one.
      blob.stream = () => new ReadableStream({ start: (c) => (parts.forEach((part) => c.enqueue(part)), c.close()) })
      expect(rowsOf(await readCsv(blob))).toEqual(whole)
    }
  })

  test('lines are counted alike wherever the file is cut', async () => {
    const bytes = new TextEncoder().encode('a\r\n1\r\n\r\n"2"\r\n3\rx\n')
    for (let size = 1; size < 12; size++) {
      const parts = Array.from({ length: Math.ceil(bytes.length / size) }, (_, i) => bytes.slice(i * size, (i + 1) * size))
      const blob = new Blob()
      blob.stream = () => new ReadableStream({ start: (c) => (parts.forEach((part) => c.enqueue(part)), c.close()) })
      await expect(readCsv(blob, { dtype: 'float64' })).rejects.toMatchObject({ line: 6, column: 1 })
    }
  })

  test('chunks', async () => {
    const path = await file('long.csv', `a,b\n${Array.from({ length: 25 }, (_, i) => `${i},x${i}`).join('\n')}`)
    const chunks: Table[] = []
    for await (const chunk of readCsvChunks(path, { chunksize: 10 })) chunks.push(chunk)
    expect(chunks.map((chunk) => chunk.shape)).toEqual([
      [10, 2],
      [10, 2],
      [5, 2],
    ])
    expect(chunks.flatMap((chunk) => chunk.column('a').toArray())).toEqual(Array.from({ length: 25 }, (_, i) => i))
    await expect(async () => {
      for await (const chunk of readCsvChunks(path, { chunksize: 0 })) chunk.head()
    }).rejects.toThrow('chunksize must be a positive integer')
  })

  test('the first chunk decides what columns hold', async () => {
    const read = async (text: string): Promise<unknown[]> => {
      const rows: unknown[] = []
      for await (const chunk of readCsvChunks(new Blob([text]), { chunksize: 2 })) rows.push(rowsOf(chunk))
      return rows
    }
    expect(await read('a\n01\nx\n02')).toEqual([[['01'], ['x']], [['02']]])
    await expect(read('a\n1\n2\n3\nx')).rejects.toThrow(
      "readCsvChunks: line 5, column 1 'a': 'x' is not a number; mend it or read the column as text with dtype: { 'a': 'string' }",
    )
    expect(await read('a\n')).toEqual([[]])
  })
})
