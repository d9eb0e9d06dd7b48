/** Where the boxes of a graph without cycles stand: in rows, each below what it takes its inputs from. */

export interface Box {
  readonly width: number
  /** The boxes above that lines come from, by number. */
  readonly inputs: readonly number[]
}

export interface Layout {
  /** The middle of every box, and its row. */
  readonly boxes: readonly { readonly x: number; readonly row: number }[]
  /** For every line its points, from a box through the gaps between boxes to another: `[x, row]`. */
  readonly lines: readonly (readonly (readonly [x: number, row: number])[])[]
  readonly width: number
  readonly rows: number
}

/** A place in a row: a box, or a gap that a line over several rows goes through. */
interface Place {
  readonly width: number
  readonly row: number
  readonly above: Place[]
  readonly below: Place[]
  x: number
}

const space = 24
const sweeps = 12

/** Puts boxes in rows, sorts the rows so that few lines cross, and moves all of them towards what they are connected with. */
export function layOut(boxes: readonly Box[]): Layout {
  const rows = rowsOf(boxes)
  const places = boxes.map(({ width }, i): Place => ({ width, row: rows[i], above: [], below: [], x: 0 }))
  const levels: Place[][] = Array.from({ length: Math.max(-1, ...rows) + 1 }, () => [])
  for (const place of places) levels[place.row].push(place)

  const lines: Place[][] = []
  boxes.forEach(({ inputs }, i) => {
    for (const from of inputs) {
      const line = [places[from]]
      for (let row = rows[from] + 1; row < rows[i]; row++) {
        const gap: Place = { width: 8, row, above: [], below: [], x: 0 }
        levels[row].push(gap)
        line.push(gap)
      }
      line.push(places[i])
      for (let n = 1; n < line.length; n++) {
        line[n].above.push(line[n - 1])
        line[n - 1].below.push(line[n])
      }
      lines.push(line)
    }
  })

  for (const level of levels)
    spread(
      level,
      level.map((_, i) => i * 200),
    )
  for (let sweep = 0; sweep < sweeps; sweep++) {
    const down = sweep % 2 === 0
    for (const level of down ? levels : levels.toReversed()) {
      const wanted = (place: Place): number => mean((down ? place.above : place.below).map(({ x }) => x)) ?? place.x
      // The order is settled by the first sweeps, the places within it by the others.
      if (sweep < sweeps / 2) level.sort((a, b) => wanted(a) - wanted(b))
      spread(level, level.map(wanted))
    }
  }
  const all = levels.flat()
  const left = Math.min(...all.map(({ x, width }) => x - width / 2))
  const right = Math.max(...all.map(({ x, width }) => x + width / 2))
  return {
    boxes: places.map(({ x, row }) => ({ x: x - left, row })),
    lines: lines.map((line) => line.map(({ x, row }) => [x - left, row] as const)),
    width: right - left,
    rows: levels.length,
  }
}

/** The row of every box: below all of its inputs; one without inputs is just above what needs it. */
function rowsOf(boxes: readonly Box[]): number[] {
  const rows: number[] = []
  const rowOf = (i: number): number => (rows[i] ??= Math.max(-1, ...boxes[i].inputs.map(rowOf)) + 1)
  boxes.forEach((_, i) => rowOf(i))
  boxes.forEach(({ inputs }, i) => {
    if (inputs.length > 0) return
    const users = boxes.flatMap((other, k) => (other.inputs.includes(i) ? [rows[k]] : []))
    if (users.length > 0) rows[i] = Math.min(...users) - 1
  })
  return rows
}

const mean = (values: readonly number[]): number | undefined =>
  values.length === 0 ? undefined : values.reduce((a, b) => a + b) / values.length

/** Gives a row its places: as near to those wanted as the order and the widths allow. */
function spread(level: readonly Place[], wanted: readonly number[]): void {
  let end = -Infinity
  level.forEach((place, i) => {
    place.x = Math.max(wanted[i], end + place.width / 2 + space)
    end = place.x + place.width / 2
  })
  const shift = mean(level.map((place, i) => wanted[i] - place.x)) ?? 0
  for (const place of level) place.x += shift
}
