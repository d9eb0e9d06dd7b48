import type { GpuCounters } from '../counters.ts'
import { kernelSettings, type GpuJs, type KernelRun } from '../gpujs.ts'
import type { KernelSource } from '../kernel-text.ts'
import { lostError } from './device.ts'
import type { Compiled, Handle, Runtime } from './runtime.ts'

/** What a kernel of gpu.js returns in a GL mode. */
interface GLTexture {
  readonly texture: unknown
  readonly size: readonly number[]
  readonly context: WebGL2RenderingContext
  readonly type: string
  readonly kernel: unknown
  readonly internalFormat: number
  readonly textureFormat: number
  readonly constructor: Function
  toArray(): Float32Array
  delete(): void
}

interface Memory extends Handle {
  readonly texture: GLTexture
}

interface GLKernel extends Compiled {
  readonly run: KernelRun
}

/** Loops longer than this are more than GLSL compilers take. */
const longestLoop = 2 ** 24

/**
 * WebGL 2, for browsers without WebGPU: memory is textures, kernels are fragment shaders. Experimental.
 * gpu.js gives textures of another class for every rank of output, and compiles a kernel for the classes that it is first
 * called with; so all memory is made to look like results of rank 1, uploads too, which a kernel copies into a texture.
 */
export function webgl2Runtime(lib: GpuJs, counters: GpuCounters): Runtime {
  const gpu = new lib.GPU({ mode: 'webgl2' })
  const settings = (source: KernelSource, array: string): object => ({
    ...kernelSettings(source, true),
    argumentTypes: source.types.map((type) => (type === 'Input' ? array : type)),
    loopMaxIterations: longestLoop,
  })
  const copySource = { source: 'function(a) { return a[this.thread.x]; }', types: ['Input'], functions: [], rank: 1 } as const
  const copyIn = gpu.createKernel(copySource.source, settings(copySource, 'Input'))
  let flatClass: (new (settings: object) => GLTexture) | undefined
  let lost = false

  function make(result: GLTexture, length: number): Memory {
    flatClass ??= result.constructor as new (settings: object) => GLTexture
    counters.buffers++
    counters.bytes += length * 4
    const { texture, size, context, type, kernel, internalFormat, textureFormat } = result
    const dimensions = new Int32Array([length, 1, 1])
    const flat = new flatClass({
      texture,
      size,
      dimensions,
      output: [length],
      context,
      type,
      kernel,
      internalFormat,
      textureFormat,
    })
    result.delete()
    return { length, texture: flat }
  }

  const upload = (data: Float32Array): Memory => {
    copyIn.setOutput([data.length])
    return make(copyIn(lib.input(data, [data.length])) as GLTexture, data.length)
  }
  // The first result, of rank 1, shows the class.
  const first = upload(new Float32Array(1))
  const { context } = first.texture
  first.texture.delete()
  counters.buffers = counters.bytes = 0
  context.canvas.addEventListener('webglcontextlost', () => (lost = true))
  const texels = Number(context.getParameter(context.MAX_TEXTURE_SIZE)) ** 2

  return {
    mode: 'webgl2',
    // Launches are pictures of all results, whatever their rank.
    limits: { x: texels, y: texels, z: texels, bytes: texels * 4, arrays: 15 },
    get lost() {
      return lost
    },
    compile: (name, source): GLKernel => ({
      name,
      source,
      run: gpu.createKernel(source.source, settings(source, 'ArrayTexture(1)')),
    }),
    launch(kernel, dims, args) {
      if (lost) throw lostError()
      const { run } = kernel as GLKernel
      run.setOutput(dims)
      const values = args.map((arg) => (typeof arg === 'number' ? arg : (arg as Memory).texture))
      return make(
        run(...values) as GLTexture,
        dims.reduce((a, b) => a * b, 1),
      )
    },
    upload(data) {
      counters.uploads++
      counters.uploadedBytes += data.byteLength
      return upload(data)
    },
    async read(handle, offset, length) {
      counters.readbacks++
      counters.readBytes += handle.length * 4
      return (handle as Memory).texture.toArray().slice(offset, offset + length)
    },
    free(handle) {
      counters.buffers--
      counters.bytes -= handle.length * 4
      ;(handle as Memory).texture.delete()
    },
    flush() {
      context.flush()
    },
    destroy: () => gpu.destroy(),
  }
}
