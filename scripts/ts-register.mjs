// Preload (`node --import ./scripts/ts-register.mjs`): lets Node run the TypeScript sources, in worker
// threads too, and maps a missing ./x.js to ./x.ts. `--import tsx` alone does not reach the workers of
// Node 20 and 22.12. Vitest transforms the main thread itself, so there only workers need it.
import { isMainThread } from 'node:worker_threads'

if (!(isMainThread && process.env.VITEST)) {
  const { register } = await import('tsx/esm/api')
  register()
}
