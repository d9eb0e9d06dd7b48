import { parseArgs } from 'node:util'

const string = { type: 'string' } as const

function fail(message: string): never {
  console.error(
    `${message}\nThe options are --csv FILE --npz FILE --words N --epochs N --hidden 60,30 --seed N --report FILE --verbose 0|1|2`,
  )
  return process.exit(1)
}

/** What the examples take from the command line; each uses what concerns it. */
const { values } = (() => {
  try {
    return parseArgs({
      allowPositionals: true,
      options: {
        csv: string,
        npz: string,
        words: string,
        epochs: string,
        hidden: string,
        seed: string,
        report: string,
        verbose: string,
      },
    })
  } catch (error) {
    return fail((error as Error).message)
  }
})()

function integer(name: 'epochs' | 'seed' | 'verbose' | 'words', otherwise: number): number {
  const value = Number(values[name] ?? otherwise)
  return Number.isInteger(value) && value >= 0 ? value : fail(`--${name} takes an integer, got '${values[name]}'`)
}

export const { csv, npz } = values
export const epochs = (otherwise: number): number => integer('epochs', otherwise)
export const words = (otherwise: number): number => integer('words', otherwise)
export const seed = integer('seed', 999)
export const hidden = (otherwise: readonly number[]): readonly number[] => values.hidden?.split(',').map(Number) ?? otherwise
/** Where the report is written. */
export const report = (name: string): string => values.report ?? `reports/${name}.html`
export const verbose = values.verbose === undefined ? ('auto' as const) : (integer('verbose', 1) as 0 | 1 | 2)
