// The page: a pad to draw on, the learning curve, and the probabilities of the ten digits.
import type { News } from './worker.ts'

const element = (id: string): HTMLElement => document.querySelector<HTMLElement>(`#${id}`)!
const pad = element('pad') as HTMLCanvasElement
const ink = pad.getContext('2d', { willReadFrequently: true })!
const worker = new Worker(new URL('./worker.ts', import.meta.url), { type: 'module' })
const curves: [number[], number[]] = [[], []]

const bars = Array.from({ length: 10 }, (_, digit) => {
  const row = document.createElement('div')
  row.innerHTML = `<b>${digit}</b><meter max="1" value="0"></meter><span></span>`
  element('bars').append(row)
  return row
})

function draw(): void {
  for (const [id, values] of [
    ['train', curves[0]],
    ['validation', curves[1]],
  ] as const) {
    const points = values.map((value, epoch) => `${10 + epoch * 21},${130 - 120 * value}`)
    element(id).setAttribute('points', points.join(' '))
  }
}

worker.addEventListener('error', ({ message }) => (element('status').textContent = message || 'the worker failed to load'))
worker.addEventListener('message', ({ data }: MessageEvent<News>) => {
  if (data.kind === 'epoch') {
    curves[0].push(data.accuracy)
    curves[1].push(data.validation)
    draw()
    element('status').textContent = `Epoch ${data.epoch + 1}: validation accuracy ${data.validation.toFixed(3)}`
  } else if (data.kind === 'ready') {
    element('status').textContent = `Trained in ${data.seconds.toFixed(1)} s on ${data.machine}. Draw a digit.`
  } else {
    data.probabilities.forEach((p, digit) => {
      bars[digit].querySelector('meter')!.value = p
      bars[digit].querySelector('span')!.textContent = p < 0.01 ? '' : `${Math.round(100 * p)} %`
    })
  }
})

/** The drawing as 8×8 means, as large in its frame as the training images are in theirs. */
function image(): Float32Array | undefined {
  const { width, height } = pad
  const { data } = ink.getImageData(0, 0, width, height)
  const lit = (x: number, y: number): number =>
    x < 0 || y < 0 || x >= width || y >= height ? 0 : data[4 * (y * width + x)] / 255
  let [left, right, top, bottom] = [width, 0, height, 0]
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      if (lit(x, y) === 0) continue
      ;[left, right] = [Math.min(left, x), Math.max(right, x)]
      ;[top, bottom] = [Math.min(top, y), Math.max(bottom, y)]
    }
  }
  if (right < left) return undefined
  const side = Math.max(right - left, bottom - top) + 1
  const [x0, y0] = [(left + right + 1 - side) / 2, (top + bottom + 1 - side) / 2]
  const cell = side / 8
  const pixels = new Float32Array(64)
  for (let i = 0; i < 64; i++) {
    let [sum, count] = [0, 0]
    for (let y = Math.floor((i >> 3) * cell); y < ((i >> 3) + 1) * cell; y++)
      for (let x = Math.floor((i & 7) * cell); x < ((i & 7) + 1) * cell; x++) {
        sum += lit(Math.floor(x0 + x), Math.floor(y0 + y))
        count++
      }
    pixels[i] = sum / count
  }
  return pixels
}

ink.strokeStyle = 'white'
ink.lineWidth = 22
ink.lineCap = ink.lineJoin = 'round'
pad.addEventListener('pointerdown', (event) => {
  pad.setPointerCapture(event.pointerId)
  ink.beginPath()
  ink.moveTo(event.offsetX, event.offsetY)
})
pad.addEventListener('pointermove', (event) => {
  if (event.buttons === 0) return
  ink.lineTo(event.offsetX, event.offsetY)
  ink.stroke()
  const pixels = image()
  if (pixels) worker.postMessage(pixels)
})
element('clear').addEventListener('click', () => ink.clearRect(0, 0, pad.width, pad.height))
