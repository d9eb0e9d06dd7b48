/** To ONNX and back: what knows its operators is loaded when it is called for. */
import type { Model, LoadSource, SaveTarget } from '@typegrad/model'
import { writePieces } from '../files/files.ts'
import type { LoadOnnxOptions, OnnxModel } from './import.ts'

/**
 * A model as the bytes of an ONNX file (operator set 17), for inference; the batch may have any size. Inputs and outputs have the names of
 * `model.inputNames` and `model.outputNames`; of several with one name, such as a layer's output and states, the others have a number. What ONNX cannot say is listed at once and refused. @throws MismatchError
 */
export async function encodeOnnx(model: Model): Promise<Uint8Array> {
  return (await import('./export.ts')).encode(model)
}

/** Writes a model to an `.onnx` file, which is replaced as a whole or not at all; see {@link encodeOnnx}. */
export async function exportOnnx(model: Model, target: SaveTarget): Promise<void> {
  await writePieces(target, [await encodeOnnx(model)], 'exportOnnx')
}

/**
 * The model of an ONNX file: a path, a URL, a `Blob` or bytes. int64 becomes int32, 16-bit floats float32. Operators, attributes and types that are
 * not supported are listed at once. Nothing in a file is run but these operators. @throws MismatchError, FormatError
 */
export async function loadOnnx(source: LoadSource, options?: LoadOnnxOptions): Promise<OnnxModel> {
  return (await import('./import.ts')).load(source, options)
}
