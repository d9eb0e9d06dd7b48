import { saveText } from '#platform'
import { optionsOf, ValueError } from '@typegrad/tensor'
import type { Figure } from './figure.ts'
import { toHtml } from './html.ts'
import { toSpec, type VegaLiteSpec } from './spec.ts'
import { toText, type TextOptions } from './text.ts'
import { renderSvg } from './vega.ts'

export type { TextOptions }

/** A figure that can be drawn as SVG, as an HTML page, in the terminal, or handed on as a Vega-Lite specification. */
export class Plot {
  readonly #figure: Figure

  /** @internal */
  constructor(figure: Figure) {
    this.#figure = figure
  }

  /** The Vega-Lite 6 specification: plain JSON, with long series reduced to what a panel's pixels can show. */
  get spec(): VegaLiteSpec {
    return toSpec(this.#figure)
  }

  /** The figure as SVG. Needs the optional dependencies vega and vega-lite. */
  svg(): Promise<string> {
    return renderSvg(this.spec)
  }

  /** A page of its own, with the figure, the final values and nothing to load: it opens offline, light and dark. */
  html(): Promise<string> {
    return toHtml(this.#figure)
  }

  /** The figure in characters, for the terminal; it tells the curves apart without colour. */
  text(options?: TextOptions): string {
    return toText(this.#figure, optionsOf('text', options, { width: 80, height: 14 }))
  }

  /**
   * Write the figure to a file; the extension decides: `.svg`, `.html`, `.json` (the specification) or `.txt`.
   * In a browser the file is offered as a download.
   *
   * @throws ValueError for any other extension.
   */
  async save(path: string): Promise<void> {
    const extension = /\.[^./\\]+$/.exec(path)?.[0].toLowerCase()
    switch (extension) {
      case '.svg':
        return saveText(path, await this.svg())
      case '.html':
        return saveText(path, await this.html())
      case '.json':
        return saveText(path, `${JSON.stringify(this.spec, null, 2)}\n`)
      case '.txt':
        return saveText(path, `${this.text()}\n`)
      default:
        throw new ValueError(`save: '${path}', the extension must be .svg, .html, .json or .txt`, { path })
    }
  }

  /** The same as `text()`. */
  toString(): string {
    return this.text()
  }
}
