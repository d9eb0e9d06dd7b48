/** What another process answers, one question after the other, until it ends. */
export class Answers<T> {
  #waiting: { readonly resolve: (answer: T) => void; readonly reject: (error: Error) => void } | undefined
  #end: Error | undefined

  give(answer: T): void {
    this.#waiting?.resolve(answer)
  }

  end(why: string): void {
    this.#end = new Error(why)
    this.#waiting?.reject(this.#end)
  }

  next(): Promise<T> {
    return new Promise((resolve, reject) => {
      if (this.#end) reject(this.#end)
      this.#waiting = { resolve, reject }
    })
  }
}
