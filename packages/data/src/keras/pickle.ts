import { FormatError } from '../errors.ts'
import { Numpy, Tuple, Unpickler } from './unpickler.ts'

/**
 * Reads the one kind of pickle that an array of word lists is: a `numpy.ndarray` of dtype object with one axis of
 * `length` elements, which are lists of integers. Nothing in it is run; see {@link Unpickler}.
 * @throws {@link FormatError}
 */
export function unpickleLists(bytes: Uint8Array, length: number, op: string): number[][] {
  const fail = (why: string): FormatError =>
    new FormatError(`${op}: the pickle is not a NumPy array of lists of integers: ${why}`)
  // Each list takes an opcode and a place in the memo.
  if (length > bytes.length / 2) throw fail(`${bytes.length} bytes for ${length} lists`)

  const array = new Unpickler(bytes, length, fail).run()
  const state = array instanceof Numpy && array.kind === 'array' && array.state instanceof Tuple ? array.state.items : []
  const [, shape, dtype, fortranOrder, lists] = state
  const isVector = shape instanceof Tuple && shape.items.length === 1 && shape.items[0] === length
  if (state.length !== 5 || !isVector || !(dtype instanceof Numpy) || fortranOrder !== false || !Array.isArray(lists)) {
    throw fail(`it is not an object array of shape [${length}]`)
  }
  if (lists.length !== length) throw fail(`the array has ${lists.length} elements, its shape says ${length}`)
  let total = 0
  for (const [i, list] of lists.entries()) {
    if (!Array.isArray(list)) throw fail(`element ${i} is not a list`)
    total += list.length
    // A list that stands in many places would grow when it is copied.
    if (total > bytes.length) throw fail('the same list stands in too many places')
    if (!list.every((item) => typeof item === 'number')) throw fail(`element ${i} holds something else than integers`)
  }
  return lists as number[][]
}
