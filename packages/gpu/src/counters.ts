/** What crossed between host and device, and what lies there. */
export interface GpuCounters {
  /** Transfers from the host, and their bytes. */
  uploads: number
  uploadedBytes: number
  /** Transfers to the host, and their bytes. */
  readbacks: number
  readBytes: number
  /** Kernels run. */
  launches: number
  /** Kernels compiled. */
  kernels: number
  /** Bindings of memory to kernels that were made; a compiled step uses its own again. */
  bindings: number
  /** Ops that ran on the host for want of a kernel. */
  hostOps: number
  /** Live device buffers and their bytes. */
  buffers: number
  bytes: number
  /** Free buffers kept for reuse, and their bytes. */
  pooledBuffers: number
  pooledBytes: number
}

export const zeroCounters = (): GpuCounters => ({
  uploads: 0,
  uploadedBytes: 0,
  readbacks: 0,
  readBytes: 0,
  launches: 0,
  kernels: 0,
  bindings: 0,
  hostOps: 0,
  buffers: 0,
  bytes: 0,
  pooledBuffers: 0,
  pooledBytes: 0,
})
