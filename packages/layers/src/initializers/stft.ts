import { formatShape, ShapeError, tensor, ValueError, type Shape, type Tensor } from '@typegrad/tensor'
import { Configured, oneOf, type Defaults } from '@typegrad/tensor/config'
import type { Initializer } from './constant.ts'

/** Windows `Σₖ (-1)ᵏ aₖ cos(2πkn / (length - 1))`, by their coefficients. */
const windows = {
  boxcar: [1],
  hann: [0.5, 0.5],
  hamming: [0.54, 0.46],
  blackman: [0.42, 0.5, 0.08],
  nuttall: [0.3635819, 0.4891775, 0.1365995, 0.0106411],
  blackmanharris: [0.35875, 0.48829, 0.14128, 0.01168],
  flattop: [0.21557895, 0.41663158, 0.277263158, 0.083578947, 0.006947368],
} as const

const sides = ['real', 'imag'] as const
const scalings = ['density', 'spectrum'] as const

export interface STFTOptions {
  /** @defaultValue `'real'` */
  readonly side?: (typeof sides)[number]
  /** A window's name, its values, or none. @defaultValue `'hann'` */
  readonly window?: keyof typeof windows | readonly number[] | null
  /** Divides by `√Σw²`, by `Σ|w|` or not at all. @defaultValue `'density'` */
  readonly scaling?: (typeof scalings)[number] | null
  /** The window continues periodically; else it is symmetric. @defaultValue `false` */
  readonly periodic?: boolean
}

/** The kernel `[frame, channels, frequencies]` of a convolution that is a short-time Fourier transform: `cos` or `sin` of `-2π·n·f`, windowed. */
export class STFT extends Configured<STFTOptions> implements Initializer {
  static override readonly defaults = {
    side: 'real',
    window: 'hann',
    scaling: 'density',
    periodic: false,
  } satisfies Defaults<STFTOptions>

  constructor(options: STFTOptions = {}) {
    super(options)
    const { side, window, scaling } = this.options
    oneOf('STFT: side', side, sides)
    if (scaling !== null) oneOf('STFT: scaling', scaling, scalings)
    if (typeof window === 'string' && !Object.hasOwn(windows, window))
      throw new ValueError(`STFT: unknown window '${window}', known are ${Object.keys(windows).join(', ')}`, { window })
  }

  call(shape: Shape): Tensor {
    if (shape.length !== 3 || shape[2] < 2)
      throw new ShapeError(
        `STFT: shape ${formatShape(shape)}, expected [frame, channels, frequencies] with 2 frequencies or more`,
        { shape },
      )
    const [frame, channels, frequencies] = shape
    const { side, scaling } = this.options
    const window = this.#window(frame)
    const total =
      scaling === 'density' ? Math.sqrt(sum(window.map((w) => w * w))) : scaling === null ? 1 : sum(window.map(Math.abs))
    const divisor = this.options.window === null ? 1 : total
    const wave = side === 'real' ? Math.cos : Math.sin
    const at = (i: number): number => {
      const [time, frequency] = [Math.floor(i / (channels * frequencies)), i % frequencies]
      return (wave((-2 * Math.PI * time * frequency) / (2 * (frequencies - 1))) * window[time]) / divisor
    }
    return tensor(
      Float32Array.from({ length: frame * channels * frequencies }, (_, i) => at(i)),
      { shape },
    )
  }

  #window(length: number): readonly number[] {
    const { window, periodic } = this.options
    if (window !== null && typeof window !== 'string') {
      if (window.length === length) return window
      throw new ShapeError(`STFT: a window of ${window.length} values for a frame of ${length}`, {
        window: window.length,
        frame: length,
      })
    }
    const coefficients = windows[window ?? 'boxcar']
    const period = periodic ? length : Math.max(1, length - 1)
    const term = (n: number, k: number, a: number): number => (-1) ** k * a * Math.cos((2 * Math.PI * k * n) / period)
    // A window of one value is 1, whatever its shape.
    return Array.from({ length }, (_, n) => (length === 1 ? 1 : sum(coefficients.map((a, k) => term(n, k, a)))))
  }
}

const sum = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0)
