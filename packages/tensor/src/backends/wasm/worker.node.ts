// The thread that `platform.node.ts` starts.
import { parentPort } from 'node:worker_threads'
import { type Message, receive } from './work.ts'

parentPort?.on('message', (message: Message) => receive(message))
