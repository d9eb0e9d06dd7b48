import { parseArgs } from 'node:util'

/** What the examples take from the command line; each uses what concerns it. */
function read() {
  try {
    return parseArgs({
      allowPositionals: true,
      options: {
        csv: { type: 'string' },
        npz: { type: 'string' },
        words: { type: 'string' },
        epochs: { type: 'string' },
        hidden: { type: 'string' },
        seed: { type: 'string' },
        report: { type: 'string' },
        verbose: { type: 'string' },
      },
    }).values
  } catch (error) {
    console.error(
      `${(error as Error).message}\nThe options are --csv FILE --npz FILE --words FILE --epochs N --hidden 60,30 --seed N --report FILE --verbose 0|1|2`,
    )
    process.exit(1)
  }
}

const values = read()

const integer = (name: 'epochs' | 'seed' | 'verbose', otherwise: number): number => {
  const value = Number(values[name] ?? otherwise)
  if (Number.isInteger(value) && value >= 0) return value
  console.error(`--${name} takes an integer, got '${values[name]}'`)
  process.exit(1)
}

export const { csv, npz, words } = values
export const epochs = (otherwise: number): number => integer('epochs', otherwise)
export const seed = integer('seed', 999)
export const hidden = (otherwise: readonly number[]): readonly number[] => values.hidden?.split(',').map(Number) ?? otherwise
/** Where the report is written. */
export const report = (name: string): string => values.report ?? `reports/${name}.html`
export const verbose = values.verbose === undefined ? ('auto' as const) : (integer('verbose', 1) as 0 | 1 | 2)
