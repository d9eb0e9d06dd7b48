/** Layers without a name are numbered by class: `dense`, `dense_1`, `dense_2` … as Keras does. */
const counts = new Map<string, number>()

export function uniqueName(base: string): string {
  const n = counts.get(base) ?? 0
  counts.set(base, n + 1)
  return n === 0 ? base : `${base}_${n}`
}

/** Starts the numbering of layers again, as Keras' `clear_session`. */
export function clearSession(): void {
  counts.clear()
}

/** @internal The name that Keras gives a layer of this class: `conv2d_transpose`, `re_lu`, `simple_rnn`. */
export const layerName = (className: string): string =>
  className
    .replace(/(.)([A-Z][a-z]+)/g, '$1_$2')
    .replace(/([a-z])([A-Z])/g, '$1_$2')
    .toLowerCase()
