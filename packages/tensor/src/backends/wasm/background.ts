import type { Kernel } from './control.ts'

/** A job in the background as workers are told of it: a function by its number, and the words that its tasks are claimed with. */
export interface BackgroundJob {
  readonly kernel: number
  readonly job: number
  readonly tasks: number
  readonly claims: SharedArrayBuffer
}

const words = { next: 0, done: 1 } as const

/** Runs tasks of a job until none is left: each is one thread's alone. */
export function runBackground({ job, tasks, claims }: BackgroundJob, kernel: Kernel, scratch: number): void {
  const control = new Int32Array(claims)
  for (let task = Atomics.add(control, words.next, 1); task < tasks; task = Atomics.add(control, words.next, 1)) {
    kernel(job, task, task + 1, scratch)
    Atomics.add(control, words.done, 1)
    Atomics.notify(control, words.done)
  }
}

/** A job that workers which have nothing to do begin, while the main thread does something else. */
export class Background {
  readonly told: BackgroundJob
  readonly #kernel: Kernel
  readonly #scratch: number
  /** What must stay where it is until the job is done. */
  readonly owner: object

  constructor(told: Omit<BackgroundJob, 'claims'>, kernel: Kernel, scratch: number, owner: object) {
    this.told = { ...told, claims: new SharedArrayBuffer(8) }
    this.#kernel = kernel
    this.#scratch = scratch
    this.owner = owner
  }

  get isDone(): boolean {
    return Atomics.load(new Int32Array(this.told.claims), words.done) >= this.told.tasks
  }

  /** Works off what nobody has begun, and waits for the rest: no longer than `patience` milliseconds for a thread that is gone. */
  finish(mayWait: boolean, patience: number): void {
    runBackground(this.told, this.#kernel, this.#scratch)
    const control = new Int32Array(this.told.claims)
    const end = performance.now() + patience
    for (let done = 0; (done = Atomics.load(control, words.done)) < this.told.tasks && performance.now() < end;)
      if (mayWait) Atomics.wait(control, words.done, done, 1)
  }
}
