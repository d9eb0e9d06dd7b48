import { limits } from './limits.ts'
import type { Offer } from './threads.ts'

/** Elements of a piece of so many: of a size for the inner cache, and some pieces for each thread. */
export const pieceOf = (size: number): number => Math.min(limits.piece, Math.max(limits.grain, Math.ceil(size / 16)))

/** Work on large arrays in pieces that do not need each other. */
export interface Pieces {
  readonly count: number
  /** Does a piece on this thread, in the memory that it has alone. */
  readonly alone: (piece: number) => void
  /** Copies the operands of a piece to a place in the memory of the threads. */
  readonly bring: (piece: number, place: number) => void
  /** Copies the results of a piece from there. */
  readonly take: (piece: number, place: number) => void
}

/**
 * Works off pieces on all threads. Only this one can reach the arrays, so it hands pieces to the others from the front, as many as they
 * keep up with, collects what is done, and meanwhile does pieces itself, from the end, where copying costs less.
 */
export function workTogether(offer: Offer | undefined, { count, alone, bring, take }: Pieces): void {
  if (!offer) {
    for (let piece = 0; piece < count; piece++) alone(piece)
    return
  }
  const { room } = offer
  let [given, taken, left] = [0, 0, count]
  try {
    while (given < left) {
      if (taken < given && offer.isDone(taken)) {
        take(taken, taken % room)
        taken++
      } else if (given - taken < room) {
        bring(given, given % room)
        offer.give()
        given++
      } else alone(--left)
    }
  } finally {
    offer.finish()
  }
  for (; taken < given; taken++) take(taken, taken % room)
}
