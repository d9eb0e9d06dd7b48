/**
 * Reads hostile files of 2 MiB, one after the other, and writes what each did as JSON: the outcome and the most that the process took meanwhile. A
 * process of its own, so that nothing else counts.
 */
import { writeFileSync } from 'node:fs'
import { decodeSafetensors, loadModel, loadOnnx } from '@typegrad/formats'

const size = 2 ** 21

/** The bytes of a message whose field `number` holds `content`. */
const field = (number: number, content: Uint8Array): Uint8Array => {
  const length: number[] = []
  for (let left = content.length; ; left = Math.floor(left / 128)) {
    length.push(left >= 128 ? (left % 128) + 128 : left)
    if (left < 128) break
  }
  return Buffer.concat([Uint8Array.from([number * 8 + 2, ...length]), content])
}
const text = (value: string): Uint8Array => new TextEncoder().encode(value)
const repeated = (piece: Uint8Array, length = size): Uint8Array => Buffer.alloc(length - (length % piece.length), piece)
const graph = (...fields: Uint8Array[]): Uint8Array => field(7, Buffer.concat(fields))

/** The least node that there is: an operator that is not known, and an output. */
const node = field(1, Buffer.concat([field(2, text('y')), field(4, text('A'))]))
const header = (json: string): Uint8Array => {
  const bytes = text(json)
  const head = new DataView(new ArrayBuffer(8))
  head.setBigUint64(0, BigInt(bytes.length), true)
  return Buffer.concat([new Uint8Array(head.buffer), bytes])
}

const files: Readonly<Record<string, readonly [bytes: () => Uint8Array, read: (bytes: Uint8Array) => unknown]>> = {
  'onnx: empty inputs': [() => graph(repeated(field(11, new Uint8Array()))), loadOnnx],
  'onnx: empty tensors': [() => graph(repeated(field(5, new Uint8Array()))), loadOnnx],
  'onnx: small nodes': [() => graph(repeated(node)), loadOnnx],
  'onnx: empty names': [() => graph(field(1, repeated(field(1, new Uint8Array())))), loadOnnx],
  'onnx: numbers of a byte': [() => graph(field(5, field(7, repeated(Uint8Array.of(1))))), loadOnnx],
  'onnx: lengths of a byte': [() => graph(field(5, field(1, repeated(Uint8Array.of(1))))), loadOnnx],
  'onnx: attributes': [() => graph(field(1, repeated(field(5, new Uint8Array())))), loadOnnx],
  'onnx: lists of numbers': [() => graph(field(1, field(5, field(8, repeated(Uint8Array.of(1)))))), loadOnnx],
  'onnx: operator sets': [() => repeated(field(8, new Uint8Array())), loadOnnx],
  'safetensors: a promise': [
    () =>
      Buffer.concat([
        header('{"a":{"dtype":"F64","shape":[1048576,1048576],"data_offsets":[0,8796093022208]}}'),
        repeated(text('a')),
      ]),
    decodeSafetensors,
  ],
  'h5: nothing but its signature': [
    () => Buffer.concat([Uint8Array.of(0x89, 0x48, 0x44, 0x46, 13, 10, 26, 10), repeated(Uint8Array.of(1))]),
    loadModel,
  ],
}

const results: Record<string, { refused: string; took: number; allowed: number; ms: number }> = {}
for (const [name, [make, read]] of Object.entries(files)) {
  const bytes = make()
  globalThis.gc!()
  const now = (): number => process.memoryUsage().rss
  const before = now()
  const begun = performance.now()
  let refused = ''
  try {
    await read(bytes)
  } catch (error) {
    refused = (error as Error).constructor.name
  }
  const ms = performance.now() - begun
  // Memory is given back late: what is held after the reading, garbage and all, is the most that was taken.
  results[name] = { refused, took: now() - before, allowed: 4 * bytes.length + 2 ** 24, ms }
}
writeFileSync(process.argv[2], JSON.stringify(results))
