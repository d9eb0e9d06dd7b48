type Task = () => void | Promise<void>

/**
 * Work in the order of its arrival. As long as nothing has to be waited for, a task runs at once; the first one that
 * returns a promise makes those behind it wait. Tasks deal with their own failures: a promise must not reject.
 */
export class Queue {
  #waiting: Task[] | undefined
  #idle: Promise<void> = Promise.resolve()

  run(task: Task): void {
    if (this.#waiting) {
      this.#waiting.push(task)
      return
    }
    const pending = task()
    if (!pending) return
    this.#waiting = []
    this.#idle = this.#drain(pending)
  }

  async #drain(pending: Promise<void>): Promise<void> {
    await pending
    while (this.#waiting!.length > 0) {
      const batch = this.#waiting!
      this.#waiting = []
      for (const task of batch) await task()
    }
    this.#waiting = undefined
  }

  /** Settles when all tasks so far are done. */
  get idle(): Promise<void> {
    return this.#idle
  }
}
