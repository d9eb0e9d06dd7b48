import { i32, integers, memory, ModuleBuilder } from './assembler/index.ts'
import type { Runtime } from './runtime.ts'

/** Bytes that a thread makes zero at a time. */
const piece = 2 ** 16
/** Pieces that are worth a thread. */
const least = 4

const params = integers('address', 'begin', 'end', 'scratch')

function buildZero(shared: boolean): Uint8Array<ArrayBuffer> {
  const module = new ModuleBuilder({ memory: { shared } })
  const zero = module.func('zero', { params }, (f, p) => {
    const bytes = i32.mul(i32.sub(p.end, p.begin), piece)
    f.do(memory.fill(i32.add(p.address, i32.mul(p.begin, piece)), 0, bytes))
  })
  module.export(zero)
  return module.toBytes()
}

/** What zeros are written with; where nothing is said of a background, at once. */
type Host = Pick<Runtime, 'view' | 'kernel' | 'shared'> & Partial<Pick<Runtime, 'background'>>

/**
 * Writes zeros to `bytes` bytes, idle threads beginning with it: the call that is returned ends when all are there. A fresh page costs
 * its first writer far more than a copy does, and while a program is traced and written, threads have nothing else to do. `owner` keeps
 * the memory from being given to others meanwhile.
 */
export function zeroing(host: Host, address: number, bytes: number, owner: object): () => void {
  const pieces = host.background ? Math.floor(bytes / piece) : 0
  const shared = pieces < least ? 0 : pieces
  host.view('uint8').fill(0, address + shared * piece, address + bytes)
  if (shared === 0) return () => {}
  const kernel = host.kernel('zero', () => buildZero(host.shared))
  return host.background!(kernel, address, shared, owner)
}
