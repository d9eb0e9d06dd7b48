import { plotHistory, plotLines } from '@typegrad/plots'
import { expect, test } from 'vitest'
import { history } from './curves.ts'

test('the page has a drawing per panel, the legend, the mark and the final values', async () => {
  const html = await plotHistory(history, { title: 'IMDB' }).html()
  expect(html).toMatch(/^<!doctype html>/)
  expect(html).toContain('<title>IMDB</title>')
  expect(html).toContain('<h1>IMDB</h1>')
  expect(html).toContain('<p>lowest val_loss 0.3346 at epoch 4</p>')
  expect(html.match(/<svg /g)).toHaveLength(2)
  expect(html).toMatch(/<li>.*● *<\/span> train<\/li><li>.*■ *<\/span> validation<\/li>/)
  expect(html).toContain('<tr><th scope="row">loss</th><td>0.01476</td><td>0.63</td></tr>')
  expect(html.length).toBeLessThan(100_000)
})

test('the page loads nothing', async () => {
  const html = await plotHistory(history).html()
  const addresses = html
    .replaceAll(/xmlns(:\w+)?="http:\/\/www\.w3\.org\/[^"]*"/g, '')
    .match(/https?:|url\((?!#)|src=|href=|@import|<script|<link/g)
  expect(addresses).toBeNull()
})

test('the page is light and dark, or the theme that is asked for', async () => {
  const page = await plotHistory(history).html()
  expect(page).toMatch(/prefers-color-scheme:dark.*--ink:#f0f3f6/)
  expect(page).toContain('stroke="var(--series-0)"')
  // A colour that is written into a drawing would not follow the reader's setting.
  const drawings = page.match(/<svg[\s\S]*?<\/svg>/g)!.join('')
  expect(drawings.match(/#[0-9a-f]{3,6}\b/gi)).toBeNull()
  const darkPage = await plotHistory(history, { theme: 'dark' }).html()
  expect(darkPage).toMatch(/color-scheme:dark.*--ink:#f0f3f6/)
  expect(darkPage).not.toContain('prefers-color-scheme')
})

test('names are text, never markup', async () => {
  const evil = '<script>alert("1")</script>'
  const html = await plotHistory({ [evil]: [1, 2], [`val_${evil}`]: [2, 1] }, { title: `</title>${evil}&` }).html()
  expect(html).not.toMatch(/<script/i)
  expect(html).toContain('<h1>&lt;/title&gt;&lt;script&gt;alert(&quot;1&quot;)&lt;/script&gt;&amp;</h1>')
  const lines = await plotLines({ series: { [evil]: [1, 2], b: [2, 1] }, xTitle: evil, yTitle: evil }).html()
  expect(lines).not.toMatch(/<script/i)
  expect(lines).toContain('&lt;script&gt;')
})

test('what is missing at the end is a dash', async () => {
  const html = await plotHistory({ loss: [1, NaN], lr: [0.1, 1.5e-7], val_loss: [2, 1] }).html()
  expect(html).toContain('<th scope="row">loss</th><td>–</td><td>1</td>')
  expect(html).toContain('<th scope="row">lr</th><td>1.5e-7</td><td>–</td>')
})
