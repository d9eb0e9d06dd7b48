// Writes the data sets of @typegrad/data as modules, so that they load without a file system:
//   node scripts/embed-datasets.mjs <folder of iris.csv, wine.csv, breast_cancer.csv, diabetes.csv and digits.csv>
// Where they come from is said in packages/data/src/datasets/ATTRIBUTION.md.
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

const from = process.argv[2]
if (from === undefined) throw new Error('usage: node scripts/embed-datasets.mjs <folder>')
const to = new URL('../packages/data/src/datasets/', import.meta.url)

for (const name of ['iris', 'wine', 'breast_cancer', 'diabetes']) write(name, readFileSync(join(from, `${name}.csv`), 'utf8'))

// Digits: a letter for each of the 64 pixels, 'a' for 0 to 'q' for 16, then the digit.
const [, ...rows] = readFileSync(join(from, 'digits.csv'), 'utf8').trim().split('\n')
const letter = (level) => String.fromCharCode(97 + Number(level))
write('digits', rows.map((row) => row.split(',').slice(0, 64).map(letter).join('') + row.split(',')[64]).join('\n'))

function write(name, text) {
  if (/[`\\$]/.test(text)) throw new Error(`${name} holds a character that ends a template string`)
  const file = `${name.replaceAll('_', '-')}.ts`
  writeFileSync(
    new URL(file, to),
    `// Written by scripts/embed-datasets.mjs; source and licence: ATTRIBUTION.md.\nconst data: string = \`${text.trim()}\n\`\nexport default data\n`,
  )
}
