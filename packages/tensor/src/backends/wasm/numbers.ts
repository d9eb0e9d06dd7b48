/** The numbers of one thing's modules where it runs, by a number for what else they depend on: to put their keys together takes longer. */
export class Numbers {
  readonly #known = new WeakMap<object, Map<number, number>>()

  /** The number of the module for `host` that `make` makes when it is first asked for. */
  get(host: object, variant: number, make: () => number): number {
    let numbers = this.#known.get(host)
    if (!numbers) this.#known.set(host, (numbers = new Map()))
    let number = numbers.get(variant)
    if (number === undefined) numbers.set(variant, (number = make()))
    return number
  }
}
