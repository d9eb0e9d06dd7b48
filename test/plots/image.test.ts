import { drawImage, drawImages } from '@typegrad/plots'
import { ShapeError, tensor, ValueError } from '@typegrad/tensor'
import { describe, expect, test } from 'vitest'

const zero = [
  [0, 0, 5, 13, 9, 1, 0, 0],
  [0, 0, 13, 15, 10, 15, 5, 0],
  [0, 3, 15, 2, 0, 11, 8, 0],
  [0, 4, 12, 0, 0, 8, 8, 0],
  [0, 5, 8, 0, 0, 9, 8, 0],
  [0, 4, 11, 0, 1, 12, 7, 0],
  [0, 2, 14, 5, 10, 12, 0, 0],
  [0, 0, 6, 13, 10, 0, 0, 0],
]

describe('drawImage', () => {
  test('two characters per pixel, denser for larger values', () => {
    expect(`\n${drawImage(zero, { max: 16 })}\n`).toMatchInlineSnapshot(`
      "
          ░░▓▓▒▒
          ▓▓██▓▓██░░
        ░░██░░  ▓▓▒▒
        ░░▓▓    ▒▒▒▒
        ░░▒▒    ▒▒▒▒
        ░░▓▓    ▓▓▒▒
        ░░██░░▓▓▓▓
          ▒▒▓▓▓▓
      "
    `)
    expect(drawImage([[0, 1, 2, 3, 4]])).toBe('  ░░▒▒▓▓██')
  })

  test('two pixels per character in wide images, half blocks at edges', () => {
    const row = (value: number): number[] => [...Array(16).fill(value), 0]
    expect(drawImage([row(1), row(0)])).toBe('▀'.repeat(16))
    expect(drawImage([row(0), row(1), row(1)])).toBe(`${'▄'.repeat(16)}\n${'▀'.repeat(16)}`)
    expect(drawImage([row(1), row(1)])).toBe('█'.repeat(16))
    expect(drawImage([row(1), row(1)], { max: 4 })).toBe('░'.repeat(16))
  })

  test('values outside 0 … max are the lightest and the darkest; NaN is blank', () => {
    expect(drawImage([[-5, 99, NaN, 1]], { max: 1 })).toBe('  ██  ██')
    expect(drawImage([[0, 0]])).toBe('')
  })

  test('typed rows and tensors, with and without a channel', () => {
    const expected = '██  \n  ██'.replaceAll(/ +$/gm, '')
    expect(drawImage([Float32Array.of(1, 0), Uint8Array.of(0, 1)])).toBe(expected)
    expect(
      drawImage(
        tensor([
          [1, 0],
          [0, 1],
        ]),
      ),
    ).toBe(expected)
    expect(
      drawImage(
        tensor([
          [[1], [0]],
          [[0], [1]],
        ]),
      ),
    ).toBe(expected)
  })

  test.each<[string, unknown, RegExp]>([
    ['one axis', tensor([1, 2]), /drawImage: shape \[2\], an image must be \[height, width\]/],
    ['three channels', tensor([[[1, 2, 3]]]), /drawImage: shape \[1, 1, 3\]/],
    ['ragged rows', [[1, 2], [1]], /drawImage: 2 rows of 2 and 1 values/],
    ['no rows', [], /drawImage: 0 rows/],
    ['no pixels', [[]], /drawImage: 1 rows of 0 values/],
    ['text', 'ab', /drawImage: ab, an image must be/],
  ])('%s is refused', (_, image, message) => {
    expect(() => drawImage(image as number[][])).toThrow(ShapeError)
    expect(() => drawImage(image as number[][])).toThrow(message)
  })

  test('max must be positive', () => {
    expect(() => drawImage([[1]], { max: 0 })).toThrow(ValueError)
    expect(() => drawImage([[1]], { max: 0 })).toThrow('drawImage: max 0, must be a positive number')
  })
})

describe('drawImages', () => {
  test('side by side, with captions in the middle, on as many lines as the width asks for', () => {
    const text = drawImages([zero, zero, zero], ['0', '숫자 영', 'said 6 with 51 %'], { max: 16, width: 40 })
    expect(`\n${text}\n`).toMatchInlineSnapshot(`
      "
          ░░▓▓▒▒             ░░▓▓▒▒
          ▓▓██▓▓██░░         ▓▓██▓▓██░░
        ░░██░░  ▓▓▒▒       ░░██░░  ▓▓▒▒
        ░░▓▓    ▒▒▒▒       ░░▓▓    ▒▒▒▒
        ░░▒▒    ▒▒▒▒       ░░▒▒    ▒▒▒▒
        ░░▓▓    ▓▓▒▒       ░░▓▓    ▓▓▒▒
        ░░██░░▓▓▓▓         ░░██░░▓▓▓▓
          ▒▒▓▓▓▓             ▒▒▓▓▓▓
             0               숫자 영

          ░░▓▓▒▒
          ▓▓██▓▓██░░
        ░░██░░  ▓▓▒▒
        ░░▓▓    ▒▒▒▒
        ░░▒▒    ▒▒▒▒
        ░░▓▓    ▓▓▒▒
        ░░██░░▓▓▓▓
          ▒▒▓▓▓▓
      said 6 with 51 %
      "
    `)
  })

  test('share one max', () => {
    expect(drawImages([[[4]], [[1]]])).toBe('██   ░░')
    expect(drawImages([[[4]], [[1]]], [], { max: 8 })).toBe('▒▒   ░░')
  })

  test('a tensor whose first axis counts them; captions may be numbers, and fewer', () => {
    expect(drawImages(tensor([[[1, 1]], [[1, 1]]]), [7])).toBe('████   ████\n 7')
  })

  test('images of different heights', () => {
    expect(drawImages([[[1]], [[1], [1]]])).toBe('██   ██\n     ██')
  })

  test('errors', () => {
    expect(() => drawImages([[[1]]], ['a', 'b'])).toThrow('drawImages: 2 captions for 1 images, there are too many')
    expect(() => drawImages(tensor([1, 2]))).toThrow(ShapeError)
    expect(drawImages([])).toBe('')
  })
})
