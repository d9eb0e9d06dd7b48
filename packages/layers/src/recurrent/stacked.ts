import type { Shape, Tensor } from '@typegrad/tensor'
import { required, type Defaults } from '../layer-config.ts'
import type { CallContext, LayerOptions } from '../layer.ts'
import type { SymbolicShape } from '../symbolic.ts'
import { SequenceCell, type Pass, type RNNCell } from './cell.ts'

export interface StackedRNNCellsOptions extends LayerOptions {
  readonly cells: readonly RNNCell<any>[]
}

/** Cells one on top of the other, as one cell: each is given the output of the one before. */
export class StackedRNNCells extends SequenceCell<StackedRNNCellsOptions> {
  static override readonly defaults = { cells: required } satisfies Defaults<StackedRNNCellsOptions>
  readonly cells: readonly RNNCell<any>[]
  /** The shapes of the inputs of the cells, once they are built. */
  #inputs: readonly SymbolicShape[] = []

  constructor(options: StackedRNNCellsOptions) {
    super(options)
    this.cells = this.options.cells
  }

  get stateSize(): readonly (number | Shape)[] {
    return this.cells.flatMap(({ stateSize }) => stateSize)
  }

  /** The shape of the input of every cell. */
  #stepShapes(stepShape: SymbolicShape): SymbolicShape[] {
    const shapes = [stepShape]
    for (const cell of this.cells) shapes.push([stepShape[0], ...cell.outputShape(shapes.at(-1)!)])
    return shapes
  }

  override stateShapes(stepShape: SymbolicShape): SymbolicShape[] {
    const shapes = this.#stepShapes(stepShape)
    return this.cells.flatMap((cell, i) => cell.stateShapes(shapes[i]))
  }

  override outputShape(stepShape: SymbolicShape): SymbolicShape {
    return this.#stepShapes(stepShape).at(-1)!.slice(1)
  }

  override initialState(batch: number, stepShape: SymbolicShape): Tensor[] {
    const shapes = this.#stepShapes(stepShape)
    return this.cells.flatMap((cell, i) => cell.initialState(batch, shapes[i]))
  }

  override build(stepShape: SymbolicShape): void {
    this.#inputs = this.#stepShapes(stepShape)
    this.cells.forEach((cell, i) => cell.buildFor(this.#inputs[i]))
  }

  begin(context: CallContext): Pass {
    const passes = this.cells.map((cell) => cell.begin(context))
    const counts = this.cells.map(({ stateSize }) => (typeof stateSize === 'number' ? 1 : stateSize.length))
    const firsts = counts.map((_, i) => counts.slice(0, i).reduce((a, b) => a + b, 0))
    const prepare = (states: readonly Tensor[]): void =>
      passes.forEach(({ prepare: prepareOne }, i) => {
        const batch = states[0].shape[0]
        const given = i === 0 ? undefined : [batch, ...(this.#inputs[i].slice(1) as Shape)]
        prepareOne!(states.slice(firsts[i], firsts[i] + counts[i]), given)
      })
    return {
      ...(passes.every((pass) => pass.prepare) ? { prepare } : {}),
      project: (x) => passes[0].project(x),
      step(x, states) {
        const next: Tensor[] = []
        let output = x
        passes.forEach(({ project, step }, i) => {
          const input = i === 0 ? output : project(output.expandDims(0)).squeeze(0)
          const [y, ...own] = step(input, states.slice(firsts[i], firsts[i] + counts[i]))
          next.push(...own)
          output = y
        })
        return [output, ...next]
      },
    }
  }
}
