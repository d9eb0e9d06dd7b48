/** Anomaly mode: finds out which op of which layer made the first value that is not finite and reached the loss or a gradient. */
import { gradientUnderway } from '@typegrad/autograd'
import type { AnyLayer } from '@typegrad/layers'
import { isFloat, listen, Tensor, TypegradError, unheard, type Listener } from '@typegrad/tensor'
import type { Model } from './model.ts'
import type { Batch } from './rows.ts'

/** Where a value that is not finite came from. */
export interface NonFiniteOrigin {
  /** The path of the layer by names; `'loss'` for the loss, `undefined` elsewhere. */
  readonly layer: string | undefined
  /** The name of the op, in backward of the one whose gradient it is. */
  readonly op: string
  /** Whether the op's result was not finite, its gradient, or what the optimizer made of finite gradients. */
  readonly phase: 'forward' | 'backward' | 'update'
}

/** Training met a value that is not finite; `origin` says where it was made, if it was not in the data. */
export class NonFiniteError extends TypegradError {
  readonly origin: NonFiniteOrigin | undefined

  constructor(message: string, origin?: NonFiniteOrigin) {
    super(message, { origin })
    this.origin = origin
  }
}

type Kind = 'NaN' | 'Infinity' | undefined

/** The worst that a tensor holds. */
function kindOf(x: Tensor): Kind {
  if (!isFloat(x.dtype)) return undefined
  let kind: Kind
  for (const value of x.toTypedArray()) {
    if (Number.isNaN(value)) return 'NaN'
    if (!Number.isFinite(value)) kind = 'Infinity'
  }
  return kind
}

/** Puts a function of yours in the place of a method of one object; returns what puts it back. */
function replaced<T extends object, K extends keyof T>(object: T, key: K, make: (before: T[K]) => T[K]): () => void {
  const own = Object.getOwnPropertyDescriptor(object, key)
  const before = object[key]
  Object.defineProperty(object, key, { value: make(before), configurable: true, writable: true, enumerable: false })
  return () => {
    if (own) Object.defineProperty(object, key, own)
    else delete object[key]
  }
}

/** All layers within, each once, with their paths. */
function pathsOf(layer: AnyLayer, path = '', found = new Map<AnyLayer, string>()): ReadonlyMap<AnyLayer, string> {
  for (const inner of layer.sublayers) {
    if (found.has(inner)) continue
    const own = path === '' ? inner.name : `${path}/${inner.name}`
    found.set(inner, own)
    pathsOf(inner, own, found)
  }
  return found
}

/** What is known of the values of one step that are not finite. */
class Trail {
  /** The innermost layer that is called at the moment, and those around it. */
  readonly where: string[] = []
  readonly #origins = new WeakMap<Tensor, NonFiniteOrigin>()
  readonly #places = new WeakMap<Tensor, string>()

  readonly listener: Listener = (op, inputs, _, output) => {
    const place = this.where.at(-1)
    if (place !== undefined) this.#places.set(output, place)
    const kind = unheard(() => kindOf(output))
    if (!kind) return
    const inherited = inputs.map((input) => this.#origins.get(input)).find(Boolean)
    if (inherited) {
      this.#origins.set(output, inherited)
      return
    }
    // An infinity that was given, as a mask's is, was made by nobody, unless it becomes NaN.
    const given = unheard(() => inputs.map(kindOf))
    if (given.includes('NaN') || (given.includes('Infinity') && kind === 'Infinity')) return
    const backward = gradientUnderway()
    const origin: NonFiniteOrigin = backward
      ? { phase: 'backward', op: backward.op.name, layer: this.#places.get(backward.output) }
      : { phase: 'forward', op: op.name, layer: place }
    this.#origins.set(output, origin)
  }

  /** Throws if `x` is not finite. */
  check(what: string, x: Tensor): void {
    if (!kindOf(x)) return
    const origin = this.#origins.get(x)
    throw new NonFiniteError(`${what} ${describe(x)}${origin ? `: ${explain(origin)}` : ''}`, origin)
  }

  /** The function with its calls at a place. */
  within<A extends unknown[], R>(place: string, f: (...args: A) => R): (...args: A) => R {
    return (...args) => {
      this.where.push(place)
      try {
        return f(...args)
      } finally {
        this.where.pop()
      }
    }
  }
}

/**
 * Runs one step of training and throws a {@link NonFiniteError} if its data, its loss, a gradient or a weight is not finite.
 * Infinities that come to nothing, such as those of masks, do not count.
 */
export function watchedStep(model: Model, batch: Batch): void {
  const { x, y, sampleWeight } = batch
  for (const [name, arrays] of Object.entries({ x, y, sampleWeight })) for (const array of arrays) assertData(name, array)
  const trail = new Trail()
  const paths = pathsOf(model)
  const { optimizer } = model
  const undo = [
    ...[...paths].map(([layer, path]) => replaced(layer, 'call', (call) => trail.within(path, call.bind(layer)))),
    replaced(model, 'computeLoss', (computeLoss) =>
      trail.within('loss', (...args: Parameters<typeof computeLoss>) => {
        const loss = computeLoss.apply(model, args)
        trail.check('the loss', loss)
        return loss
      }),
    ),
    replaced(optimizer, 'apply', (apply) => (grads, variables) => {
      const named = (i: number): string => `weight '${variables[i].name}' of layer '${ownerOf(paths, variables[i])}'`
      grads.forEach((grad, i) => grad instanceof Tensor && trail.check(`the gradient of ${named(i)}`, grad))
      apply.call(optimizer, grads, variables)
      variables.forEach(({ value }, i) => {
        if (!kindOf(value)) return
        const origin: NonFiniteOrigin = { phase: 'update', op: optimizer.name, layer: ownerOf(paths, variables[i]) }
        throw new NonFiniteError(`${named(i)} ${describe(value)}: ${explain(origin)}`, origin)
      })
    }),
  ]
  try {
    listen(trail.listener, () => model.trainStep(batch))
  } finally {
    for (const back of undo.toReversed()) back()
  }
}

function assertData(name: string, array: Tensor): void {
  if (!kindOf(array)) return
  const first = array.toTypedArray().findIndex((value) => !Number.isFinite(value))
  const sample = Math.floor(first / (array.size / array.shape[0]))
  throw new NonFiniteError(`the data ${name} ${describe(array)}, first in sample ${sample} of the batch`)
}

/** The innermost layer that has a weight. */
const ownerOf = (paths: ReadonlyMap<AnyLayer, string>, weight: Tensor): string | undefined =>
  [...paths].findLast(([layer]) => layer.weights.some((one) => one === weight))?.[1]

function describe(x: Tensor): string {
  const values = Array.from(x.toTypedArray())
  const wrong = values.filter((value) => !Number.isFinite(value))
  return x.size === 1 ? `is ${values[0]}` : `holds ${kindOf(x)} (${wrong.length} of ${x.size} elements are not finite)`
}

function explain({ phase, op, layer }: NonFiniteOrigin): string {
  if (phase === 'update') return `its gradient was finite, the update by '${op}' was not`
  const place = layer === undefined ? '' : layer === 'loss' ? ' in the loss' : ` in layer '${layer}'`
  return `${phase === 'forward' ? '' : 'the gradient of '}op '${op}'${place} made the first one`
}
