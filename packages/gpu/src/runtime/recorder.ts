import { usage } from './device.ts'

/** Bytes of kernel parameters that fit between two submissions. */
const ringBytes = 2 ** 20
/** WebGPU's alignment of dynamic offsets. */
const alignment = 256
/** Launches in one submission: enough that its cost does not count, few enough that the device starts early. */
const mostLaunches = 128

/** Parameters of one launch, to be filled in. */
export interface Parameters {
  readonly offset: number
  readonly ints: Int32Array
  readonly floats: Float32Array
}

/** Collects launches in one compute pass, with their parameters in one uniform buffer, until they are submitted. */
export class Recorder {
  readonly ring: GPUBuffer
  readonly #device: GPUDevice
  readonly #onSubmit: () => void
  readonly #mirror = new ArrayBuffer(ringBytes)
  #encoder: GPUCommandEncoder | undefined
  #pass: GPUComputePassEncoder | undefined
  #launches = 0
  #begin = 0
  #end = 0

  constructor(device: GPUDevice, onSubmit: () => void) {
    this.#device = device
    this.#onSubmit = onSubmit
    this.ring = device.createBuffer({ size: ringBytes, usage: usage.uniform | usage.copyTarget })
  }

  /** Room for the parameters of the next launch. */
  parameters(bytes: number): Parameters {
    const aligned = Math.ceil(bytes / alignment) * alignment
    if (this.#end + aligned > ringBytes) {
      this.submit()
      this.#begin = this.#end = 0
    }
    const offset = this.#end
    this.#end += aligned
    return {
      offset,
      ints: new Int32Array(this.#mirror, offset, bytes / 4),
      floats: new Float32Array(this.#mirror, offset, bytes / 4),
    }
  }

  dispatch(pipeline: GPUComputePipeline, group: GPUBindGroup, offset: number, groups: readonly number[]): void {
    this.#encoder ??= this.#device.createCommandEncoder()
    this.#pass ??= this.#encoder.beginComputePass()
    this.#pass.setPipeline(pipeline)
    this.#pass.setBindGroup(0, group, [offset])
    this.#pass.dispatchWorkgroups(groups[0], groups[1], groups[2])
    if (++this.#launches >= mostLaunches) this.submit()
  }

  /** Hands everything recorded so far to the device. */
  submit(): void {
    if (!this.#encoder) return
    this.#pass!.end()
    const { queue } = this.#device
    queue.writeBuffer(this.ring, this.#begin, this.#mirror, this.#begin, this.#end - this.#begin)
    queue.submit([this.#encoder.finish()])
    this.#encoder = this.#pass = undefined
    this.#launches = 0
    this.#begin = this.#end
    this.#onSubmit()
  }

  destroy(): void {
    this.#encoder = this.#pass = undefined
    this.ring.destroy()
  }
}
