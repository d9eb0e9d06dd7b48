import { TypegradError } from '@typegrad/tensor'

/** A file that cannot be written; what stood there before is left as it was. `cause` holds the reason given by the system. */
export class SaveError extends TypegradError {
  constructor(message: string, details: Record<string, unknown> = {}, cause?: unknown) {
    super(message, details)
    if (cause !== undefined) this.cause = cause
  }
}

/** A file that does not fit the model, or that holds what is not supported: every mismatch is listed in `details.problems`. */
export class MismatchError extends TypegradError {
  readonly problems: readonly string[]

  constructor(head: string, problems: readonly string[]) {
    const shown = problems.slice(0, 20).map((problem) => `\n  - ${problem}`)
    const more = problems.length > 20 ? `\n  and ${problems.length - 20} more` : ''
    super(`${head}:${shown.join('')}${more}`, { problems })
    this.problems = problems
  }
}

/** Throws a {@link MismatchError} if there are problems. */
export function refuse(head: string, problems: readonly string[]): void {
  if (problems.length > 0) throw new MismatchError(head, problems)
}
