import { currentBackend } from '../backends/backend.ts'
import { bytesPerElement, type DType } from '../dtype.ts'
import { BackendError } from '../errors.ts'
import { formatShape, sizeOf, type Shape } from '../shape.ts'
import type { Tensor } from '../tensor.ts'
import { trace } from './trace.ts'

/** An input of a module: its name in errors, and what one call takes. */
export interface ModuleInput {
  readonly name: string
  readonly shape: Shape
  readonly dtype?: DType
}

const arrays = {
  float32: 'Float32Array',
  float64: 'Float64Array',
  int32: 'Int32Array',
  uint8: 'Uint8Array',
  bool: 'Uint8Array',
} as const

/**
 * The text of an ES module that computes f without typegrad: variables, constants and code are in it. It exports
 * `run(...inputs)`, which takes one array of numbers for each input, in row-major order, and returns a typed array for each
 * output; `inputs` and `outputs` say their shapes and dtypes.
 *
 * Throws a BackendError for what a module cannot do: random numbers, changes of variables, kernels that have no code of their own.
 */
export function toModule(f: (...inputs: Tensor[]) => Tensor | readonly Tensor[], inputs: readonly ModuleInput[]): string {
  const backend = currentBackend()
  if (!backend.standalone) throw new BackendError(`toModule: the backend '${backend.name}' has no programs, use 'wasm'`)
  const given = inputs.map(({ name, shape, dtype = 'float32' }) => ({ name, shape, dtype }))
  const { graph } = trace(
    given,
    (xs) => f(...xs),
    (result) => (Array.isArray(result) ? result : [result]) as readonly Tensor[],
    backend.loops,
  )
  const { pages, memory, program, kernels, parts, inputs: places, outputs, failure } = backend.standalone(graph)
  const strided = outputs.find(({ whole }) => !whole)
  if (strided)
    throw new BackendError(`toModule: an output ${formatShape(strided.shape)} is a view whose elements do not lie in order`)
  const place = ({ dtype, shape }: { dtype: DType; shape: Shape }, address: number): string =>
    `{ dtype: '${dtype}', shape: [${shape.join(', ')}], size: ${sizeOf(shape)}, type: ${arrays[dtype]}, at: ${address / bytesPerElement(dtype)} }`
  const names = JSON.stringify(given.map(({ name }) => name))
  return `// Made by typegrad. Computes without it: \`run(${given.map(({ name }) => name).join(', ')})\`.
const decode = (text) => Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0))
const memory = new WebAssembly.Memory({ initial: ${pages} })
${memory.map(({ address, bytes }) => `new Uint8Array(memory.buffer).set(decode('${base64(bytes)}'), ${address})`).join('\n')}
const load = (text, imports) => new WebAssembly.Instance(new WebAssembly.Module(decode(text)), imports).exports
const env = { memory }
const kernels = {${kernels.map((bytes, i) => `\n  k${i}: Object.values(load('${base64(bytes)}', { env }))[0],`).join('')}
}
const program = load('${base64(program)}', { env, kernels })
const names = ${names}

/** What \`run\` takes, in order. */
export const inputs = [${given.map((one, i) => place(one, places[i].address)).join(', ')}]
/** What \`run\` returns, in order. */
export const outputs = [${outputs.map((one) => place(one, one.address)).join(', ')}]

/** Takes an array of numbers for each input, in row-major order; returns a typed array for each output. */
export function run(...arrays) {
  if (arrays.length !== inputs.length) throw new TypeError(\`run takes \${names.join(', ')}, got \${arrays.length} arrays\`)
  arrays.forEach((array, i) => {
    const { type, at, size } = inputs[i]
    if (array.length !== size) throw new RangeError(\`\${names[i]} has \${array.length} numbers, expected \${size} for [\${inputs[i].shape}]\`)
    if (at > 0) new type(memory.buffer).set(array, at)
  })
${parts.map((name) => `  program.${name}()`).join('\n')}
  const failed = new Int32Array(memory.buffer)
  if (failed[${failure / 4}] !== 0) {
    failed[${failure / 4}] = 0
    throw new RangeError(\`index \${failed[${failure / 4 + 1}]} is outside of its axis\`)
  }
  return outputs.map(({ type, at, size }) => new type(memory.buffer).slice(at, at + size))
}
`
}

function base64(bytes: Uint8Array): string {
  let text = ''
  for (let i = 0; i < bytes.length; i += 8192) text += String.fromCharCode(...bytes.subarray(i, i + 8192))
  return btoa(text)
}
