/** ONNX' messages as protocol buffers: what of onnx.proto (IR version 8) a graph for inference needs. */
import { BinaryWriter, WireType } from '@bufbuild/protobuf/wire'
import type { DType, Tensor } from '@typegrad/tensor'

/** An attribute of a node. */
export type Attribute =
  | number
  | string
  | readonly number[]
  | readonly string[]
  | { readonly float: number }
  | { readonly floats: readonly number[] }

export interface OnnxNode {
  readonly op: string
  readonly name: string
  readonly inputs: readonly string[]
  readonly outputs: readonly string[]
  readonly attributes: Readonly<Record<string, Attribute>>
}

/** An input or output of a graph; `null` is any length, the same for all. */
export interface OnnxValue {
  readonly name: string
  readonly dtype: DType
  readonly shape: readonly (number | null)[]
}

export interface OnnxGraph {
  readonly name: string
  readonly nodes: readonly OnnxNode[]
  readonly constants: ReadonlyMap<string, Tensor | BigInt64Array>
  readonly inputs: readonly OnnxValue[]
  readonly outputs: readonly OnnxValue[]
}

/** The version of the operators. */
export const opset = 17

const elementTypes: Readonly<Record<DType, number>> = { float32: 1, uint8: 2, int32: 6, bool: 9, float64: 11 }

type Write = (writer: BinaryWriter) => BinaryWriter

const message = (field: number, write: Write): Write => {
  return (writer) => write(writer.tag(field, WireType.LengthDelimited).fork()).join()
}
const text = (field: number, value: string): Write => {
  return (writer) => writer.tag(field, WireType.LengthDelimited).string(value)
}
const integer = (field: number, value: number | bigint): Write => {
  return (writer) => writer.tag(field, WireType.Varint).int64(value)
}
const all =
  (...parts: readonly Write[]): Write =>
  (writer) =>
    parts.reduce((out, write) => write(out), writer)

/** AttributeProto, with its type. */
function attribute(name: string, value: Attribute): Write {
  const typed = (type: number, write: Write): Write => message(5, all(text(1, name), write, integer(20, type)))
  if (typeof value === 'string') return typed(3, text(4, value))
  if (typeof value === 'number') return typed(2, integer(3, value))
  if ('float' in value) return typed(1, (writer) => writer.tag(2, WireType.Bit32).float(value.float))
  if ('floats' in value) {
    const parts = value.floats.map(
      (one): Write =>
        (writer) =>
          writer.tag(7, WireType.Bit32).float(one),
    )
    return typed(6, all(...parts))
  }
  if (typeof value[0] === 'string') return typed(8, all(...value.map((one) => text(9, one as string))))
  return typed(7, all(...value.map((one) => integer(8, one as number))))
}

const node = ({ op, name, inputs, outputs, attributes }: OnnxNode): Write =>
  message(
    1,
    all(
      ...inputs.map((input) => text(1, input)),
      ...outputs.map((output) => text(2, output)),
      text(3, name),
      text(4, op),
      ...Object.entries(attributes).map(([key, value]) => attribute(key, value)),
    ),
  )

function constant(name: string, value: Tensor | BigInt64Array): Write {
  const [shape, type, array] =
    value instanceof BigInt64Array ? [[value.length], 7, value] : [value.shape, elementTypes[value.dtype], value.toTypedArray()]
  const bytes = new Uint8Array(array.buffer, array.byteOffset, array.byteLength)
  return message(
    5,
    all(...shape.map((length) => integer(1, length)), integer(2, type), text(8, name), (writer) =>
      writer.tag(9, WireType.LengthDelimited).bytes(bytes),
    ),
  )
}

function value(field: number, { name, dtype, shape }: OnnxValue): Write {
  const lengths = shape.map((length, i) =>
    message(1, length === null ? text(2, i === 0 ? 'batch' : `${name}_${i}`) : integer(1, length)),
  )
  return message(
    field,
    all(text(1, name), message(2, message(1, all(integer(1, elementTypes[dtype]), message(2, all(...lengths)))))),
  )
}

/** The bytes of a model file. */
export function encodeModel({ name, nodes, constants, inputs, outputs }: OnnxGraph): Uint8Array {
  const graph = all(
    ...nodes.map(node),
    text(2, name),
    ...[...constants].map(([key, tensor]) => constant(key, tensor)),
    ...inputs.map((input) => value(11, input)),
    ...outputs.map((output) => value(12, output)),
  )
  const model = all(integer(1, 8), text(2, 'typegrad'), message(7, graph), message(8, integer(2, opset)))
  return model(new BinaryWriter()).finish()
}
