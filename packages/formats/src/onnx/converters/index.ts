/** Each layer in the words of ONNX, by Keras' class names. */
import type { Converters } from './converter.ts'
import { elementwise } from './elementwise.ts'
import { images } from './images.ts'
import { normalizations } from './normalization.ts'
import { operations } from './operations.ts'
import { products } from './products.ts'
import { recurrence } from './recurrent.ts'
import { windows } from './windows.ts'

export const converters: Converters = {
  ...elementwise,
  ...products,
  ...windows,
  ...normalizations,
  ...images,
  ...recurrence,
  ...operations,
}
