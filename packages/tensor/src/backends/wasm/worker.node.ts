// The thread that `platform.node.ts` starts.
import { getPriority, setPriority } from 'node:os'
import { parentPort } from 'node:worker_threads'
import { type Message, receive } from './work.ts'

/** Where there are more threads than processors, the one that gives out the work must not wait for one that waits for work. */
const nicer = 5

try {
  // Linux has priorities of threads, and takes 0 for the one that asks; elsewhere it would be the process.
  if (process.platform === 'linux') setPriority(Math.min(19, getPriority() + nicer))
} catch {
  // A sandbox may forbid it.
}
parentPort?.on('message', (message: Message) => receive(message))
