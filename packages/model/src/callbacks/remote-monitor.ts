import { optionsOf } from '@typegrad/tensor'
import { Callback, type Logs } from './callback.ts'

export interface RemoteMonitorOptions {
  /** @defaultValue `'http://localhost:9000'` */
  readonly root?: string
  /** @defaultValue `'/publish/epoch/end/'` */
  readonly path?: string
  /** The field of the form that holds the JSON. @defaultValue `'data'` */
  readonly field?: string
  readonly headers?: Readonly<Record<string, string>>
  /** Sends the JSON itself in place of a form. @defaultValue `false` */
  readonly sendAsJson?: boolean
}

const defaults = {
  root: 'http://localhost:9000',
  path: '/publish/epoch/end/',
  field: 'data',
  headers: {},
  sendAsJson: false,
}

/** Posts the figures of every epoch, `{ epoch, loss, … }`, to a server. Training goes on if that fails, which is said once. */
export class RemoteMonitor extends Callback {
  readonly #options: Required<RemoteMonitorOptions>
  #warned = false

  constructor(options?: RemoteMonitorOptions) {
    super()
    this.#options = optionsOf('RemoteMonitor', options, defaults)
  }

  override async onEpochEnd(epoch: number, logs: Logs): Promise<void> {
    const { root, path, field, headers, sendAsJson } = this.#options
    const text = JSON.stringify({ epoch, ...logs })
    const [body, type] = sendAsJson
      ? [text, { 'content-type': 'application/json' }]
      : [new URLSearchParams({ [field]: text }), {}]
    try {
      const response = await fetch(root + path, { method: 'POST', body, headers: { ...type, ...headers } })
      if (!response.ok) throw new Error(`${response.status} ${response.statusText}`)
    } catch (error) {
      if (!this.#warned)
        globalThis.console.warn(`RemoteMonitor: ${root + path} could not be reached (${(error as Error).message})`)
      this.#warned = true
    }
  }
}
