import type { GpuCounters } from '../counters.ts'
import { usage } from './device.ts'

/** A buffer of the pool. */
export interface PooledBuffer {
  readonly buffer: GPUBuffer
  readonly bytes: number
  /** For keys of bind groups. */
  readonly id: number
  /** The submission before which it was last used. */
  freedAt: number
}

/** Free buffers may take as much memory as live ones, and at least this. */
const leastKept = 64 * 2 ** 20

/**
 * Buffers by size, used again after they are freed: the queue runs in order, so nobody still reads what was before. Of those that are
 * free the oldest is taken, whatever was freed last, so that the same work soon meets the same buffers, and its bindings.
 */
export class Pool {
  readonly #device: GPUDevice
  readonly #mostBytes: number
  readonly #counters: GpuCounters
  /** By size, the oldest last. */
  readonly #free = new Map<number, PooledBuffer[]>()
  readonly #all = new Set<PooledBuffer>()
  #doomed: PooledBuffer[] = []
  #ids = 0
  #submissions = 0

  constructor(device: GPUDevice, mostBytes: number, counters: GpuCounters) {
    this.#device = device
    this.#mostBytes = mostBytes
    this.#counters = counters
  }

  /** Sizes are powers of two and three quarters of them, so that many tensors share one. */
  #bucket(bytes: number): number {
    const power = Math.max(256, 2 ** Math.ceil(Math.log2(bytes)))
    const size = power > 1024 && bytes <= power * 0.75 ? power * 0.75 : power
    return size > this.#mostBytes ? bytes : size
  }

  /** A buffer of at least so many bytes; `settled` asks for one that no work waiting for its submission uses. */
  take(bytes: number, settled = false): PooledBuffer {
    const size = this.#bucket(bytes)
    const list = this.#free.get(size)
    const at = !list ? -1 : settled ? list.findLastIndex(({ freedAt }) => freedAt < this.#submissions) : list.length - 1
    this.#counters.buffers++
    this.#counters.bytes += size
    if (at >= 0) {
      this.#counters.pooledBuffers--
      this.#counters.pooledBytes -= size
      return list!.splice(at, 1)[0]
    }
    const buffer = this.#device.createBuffer({ size, usage: usage.storage | usage.copySource | usage.copyTarget })
    const made = { buffer, bytes: size, id: this.#ids++, freedAt: -1 }
    this.#all.add(made)
    return made
  }

  give(pooled: PooledBuffer): void {
    const { bytes } = pooled
    this.#counters.buffers--
    this.#counters.bytes -= bytes
    if (this.#counters.pooledBytes + bytes > Math.max(leastKept, this.#counters.bytes)) {
      this.#doomed.push(pooled)
      return
    }
    pooled.freedAt = this.#submissions
    this.#counters.pooledBuffers++
    this.#counters.pooledBytes += bytes
    const list = this.#free.get(bytes) ?? []
    list.splice(list.findLastIndex(({ id }) => id > pooled.id) + 1, 0, pooled)
    this.#free.set(bytes, list)
  }

  /** All work so far was submitted: what is too much can go. */
  submitted(): void {
    this.#submissions++
    for (const pooled of this.#doomed) this.#destroy(pooled)
    if (this.#doomed.length > 0) this.#doomed = []
  }

  #destroy(pooled: PooledBuffer): void {
    pooled.buffer.destroy()
    this.#all.delete(pooled)
  }

  destroy(): void {
    for (const pooled of this.#all) this.#destroy(pooled)
    this.#free.clear()
    Object.assign(this.#counters, { buffers: 0, bytes: 0, pooledBuffers: 0, pooledBytes: 0 })
  }
}
