import { fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { build } from 'vite'
import type { Entrant, Entry } from './case.ts'
import type { Contestant } from './measure.ts'
import { Answers } from './answers.ts'
import { startPython } from './peers/python.ts'

/** A contestant that waits for its turns in a process of its own, so that its garbage and its compiled code are in nobody's way. */
export interface Started extends Contestant {
  /** As in {@link Entry}. */
  readonly result?: ArrayLike<number> | undefined
  readonly tolerance?: number | undefined
  end(): void
}

/** What the process says: of what it made, and then of each sample. */
interface Message extends Pick<Entry, 'result' | 'tolerance'> {
  readonly microseconds?: number
}

let made: Promise<string> | undefined

/** The contestants as a script of JavaScript: what loads TypeScript is in no user's process, and takes its part of a first step. */
const script = (): Promise<string> => (made ??= makeScript(fileURLToPath(new URL('dist/', import.meta.url))))

async function makeScript(outDir: string): Promise<string> {
  await build({
    configFile: false,
    logLevel: 'warn',
    root: fileURLToPath(new URL('.', import.meta.url)),
    build: {
      ssr: 'contestant.ts',
      outDir,
      emptyOutDir: true,
      target: 'node20',
      rolldownOptions: { external: (id: string) => /^[^./]/.test(id) },
    },
  })
  return `${outDir}contestant.js`
}

/** Starts a contestant of a topic's race; `undefined` for Python where the module that it imports is missing. */
export async function start(topic: string, index: number, name: string, entrant: Entrant): Promise<Started | undefined> {
  if (typeof entrant === 'string') return startPython(name, entrant)
  const child = fork(await script(), [topic, String(index), name], { serialization: 'advanced', execArgv: [] })
  const answers = new Answers<Message>()
  child.on('message', (message: Message) => answers.give(message))
  child.on('exit', (code) => answers.end(`${topic}: the process of ${name} ended with code ${code}`))
  const { result, tolerance } = await answers.next()
  return {
    name,
    result,
    tolerance,
    async sample(repeats) {
      const answer = answers.next()
      child.send({ repeats })
      return (await answer).microseconds!
    },
    end: () => void child.kill(),
  }
}
