/** Takes from this process what an engine may lack, before anything asks for it. */
export const features = ['SharedArrayBuffer', 'SharedMemory', 'SIMD', 'WebAssembly'] as const

/** `SharedMemory` is what `SharedArrayBuffer` is to the library; Vitest itself does not run without the latter. */
export type Feature = (typeof features)[number]

/** The opcode of f32x4.add. */
const vector = 'fde401'

export function removeFeature(feature: Feature): void {
  // Files that share a process come here again.
  if (typeof WebAssembly === 'undefined') return
  const { validate, Memory } = WebAssembly
  if (feature === 'SIMD') {
    WebAssembly.validate = (bytes) =>
      !Buffer.from(bytes as Uint8Array)
        .toString('hex')
        .includes(vector) && validate(bytes)
  } else if (feature === 'SharedMemory') {
    WebAssembly.Memory = class extends Memory {
      constructor(descriptor: WebAssembly.MemoryDescriptor) {
        if (descriptor.shared) throw new TypeError('WebAssembly.Memory(): no shared memory here')
        super(descriptor)
      }
    }
  } else Reflect.deleteProperty(globalThis, feature)
}
