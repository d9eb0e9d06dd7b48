// The thread that `platform.browser.ts` starts. No top-level await in its imports: bundlers make it a classic script.
import { type Message, receive } from './work.ts'

addEventListener('message', (event: MessageEvent<Message>) => receive(event.data))
