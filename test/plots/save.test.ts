import { plotHistory } from '@typegrad/plots'
import { ValueError } from '@typegrad/tensor'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { history } from './curves.ts'

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'plots-'))
})
afterAll(() => rm(folder, { recursive: true }))

const plot = plotHistory(history, { title: 'IMDB' })

test('the extension decides, and folders are made', async () => {
  const saved = async (name: string): Promise<string> => {
    const path = join(folder, 'new', name)
    await plot.save(path)
    return readFile(path, 'utf8')
  }
  expect(await saved('a.svg')).toBe(await plot.svg())
  expect(await saved('a.HTML')).toBe(await plot.html())
  expect(JSON.parse(await saved('a.json'))).toEqual(plot.spec)
  expect(await saved('a.txt')).toBe(`${plot.text()}\n`)
})

test.each(['a.png', 'svg', 'a.svg/b', ''])('%j is refused', async (path) => {
  await expect(plot.save(path)).rejects.toThrow(ValueError)
  await expect(plot.save(path)).rejects.toThrow(/^save: '.*', the extension must be \.svg, \.html, \.json or \.txt$/)
})
