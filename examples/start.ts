// `npm start` runs the digits example; `npm start -- NAME [--csv FILE] [--epochs N] …` runs another one.
import { readdirSync } from 'node:fs'

const names = readdirSync(new URL('.', import.meta.url))
  .filter((file) => file.endsWith('.ts'))
  .map((file) => file.replace(/\.ts$/, ''))
  .filter((name) => !['start', 'options'].includes(name))

const first = process.argv[2]
const name = first === undefined || first.startsWith('-') ? 'digits' : first
if (!names.includes(name)) {
  console.error(
    `There is no example '${name}'. There are: ${names.join(', ')}.\nFor example: npm start -- thoracic --csv FILE --epochs 100`,
  )
  process.exitCode = 1
} else await import(`./${name}.ts`)
