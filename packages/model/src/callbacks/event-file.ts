/**
 * TensorBoard's event files: records of a length, its checksum, an `Event` as a protocol buffer, and its checksum. Only the fields
 * that are written here are known: https://github.com/tensorflow/tensorboard/blob/master/tensorboard/compat/proto/event.proto and
 * summary.proto.
 */

/** Bytes of a protocol buffer's fields. */
type Field = readonly number[]

const encoder = new TextEncoder()

function varint(value: number): Field {
  const bytes: number[] = []
  let rest = value
  while (rest >= 128) {
    bytes.push((rest % 128) + 128)
    rest = Math.floor(rest / 128)
  }
  return [...bytes, rest]
}

const little = (width: 4 | 8, values: readonly number[]): Field => {
  const view = new DataView(new ArrayBuffer(width * values.length))
  values.forEach((value, i) => (width === 4 ? view.setFloat32(4 * i, value, true) : view.setFloat64(8 * i, value, true)))
  return [...new Uint8Array(view.buffer)]
}

const [VARINT, WIDE, LENGTH, NARROW] = [0, 1, 2, 5]
const tag = (number: number, type: number): Field => varint(number * 8 + type)
const int64 = (number: number, value: number): Field => [...tag(number, VARINT), ...varint(value)]
const double = (number: number, value: number): Field => [...tag(number, WIDE), ...little(8, [value])]
const float = (number: number, value: number): Field => [...tag(number, NARROW), ...little(4, [value])]
const bytes = (number: number, value: Field): Field => [...tag(number, LENGTH), ...varint(value.length), ...value]
const text = (number: number, value: string): Field => bytes(number, [...encoder.encode(value)])
const doubles = (number: number, values: readonly number[]): Field => bytes(number, little(8, values))

/** How many values fell into each bucket; a bucket ends with its limit. */
export interface Histogram {
  readonly min: number
  readonly max: number
  readonly count: number
  readonly sum: number
  readonly sumOfSquares: number
  readonly limits: readonly number[]
  readonly buckets: readonly number[]
}

const histogramField = ({ min, max, count, sum, sumOfSquares, limits, buckets }: Histogram): Field => [
  ...double(1, min),
  ...double(2, max),
  ...double(3, count),
  ...double(4, sum),
  ...double(5, sumOfSquares),
  ...doubles(6, limits),
  ...doubles(7, buckets),
]

/** What an event says: `{ epoch_loss: 0.5 }`. */
export type Summary = Readonly<Record<string, number | Histogram>>

/** The record that begins a file. */
export const versionRecord = (wallTime: number): Uint8Array<ArrayBuffer> =>
  framed([...double(1, wallTime), ...text(3, 'brain.Event:2')])

/** The record of an event; `wallTime` is in seconds. */
export function eventRecord(summary: Summary, step: number, wallTime: number): Uint8Array<ArrayBuffer> {
  const values = Object.entries(summary).flatMap(([name, value]) =>
    bytes(1, [...text(1, name), ...(typeof value === 'number' ? float(2, value) : bytes(5, histogramField(value)))]),
  )
  return framed([...double(1, wallTime), ...int64(2, step), ...bytes(5, values)])
}

function framed(data: Field): Uint8Array<ArrayBuffer> {
  const record = new Uint8Array(data.length + 16)
  const view = new DataView(record.buffer)
  view.setUint32(0, data.length, true)
  view.setUint32(8, maskedChecksum(record.subarray(0, 8)), true)
  record.set(data, 12)
  view.setUint32(12 + data.length, maskedChecksum(record.subarray(12, 12 + data.length)), true)
  return record
}

/** The remainders of all bytes by the Castagnoli polynomial, lowest bit first. */
const remainders = Uint32Array.from({ length: 256 }, (_, byte) => {
  let rest = byte
  for (let bit = 0; bit < 8; bit++) rest = rest & 1 ? (rest >>> 1) ^ 0x82f63b78 : rest >>> 1
  return rest
})

/** CRC-32C, turned by 15 bits and moved, so that the checksum of data that holds checksums is a good one. */
function maskedChecksum(data: Uint8Array): number {
  let rest = 0xffffffff
  for (const byte of data) rest = (rest >>> 8) ^ remainders[(rest ^ byte) & 255]
  const crc = ~rest >>> 0
  return (((crc >>> 15) | (crc << 17)) + 0xa282ead8) >>> 0
}
