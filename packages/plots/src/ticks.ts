/** Round positions for about `count` labels on an axis, all of them inside `[low, high]`. */
export function ticks([low, high]: readonly [number, number], scale: 'linear' | 'log', count: number): number[] {
  return scale === 'log' ? logTicks(low, high, count) : linearTicks(low, high, count)
}

/** The domain widened to round numbers, so that its ends carry a label. */
export function nice([low, high]: readonly [number, number], scale: 'linear' | 'log', count: number): [number, number] {
  const [from, to] = scale === 'log' ? [roundLog(low, Math.floor), roundLog(high, Math.ceil)] : roundLinear(low, high, count)
  // Next to the largest numbers that there are, nothing rounder is finite.
  return Number.isFinite(to - from) ? [from, to] : [low, high]
}

function roundLinear(low: number, high: number, count: number): [number, number] {
  // The step of the wider domain may be larger, and then asks for a wider one still.
  let [from, to, step] = [low, high, 0]
  for (let next = stepOf(low, high, count); next > step; next = stepOf(from, to, count)) {
    step = next
    from = tidy(Math.floor(tidy(from / step)) * step)
    to = tidy(Math.ceil(tidy(to / step)) * step)
  }
  return [from, to]
}

function linearTicks(low: number, high: number, count: number): number[] {
  const step = stepOf(low, high, count)
  const [first, last] = [Math.ceil(tidy(low / step)), Math.floor(tidy(high / step))]
  return Array.from({ length: Math.max(0, last - first + 1) }, (_, i) => tidy((first + i) * step))
}

/** 1, 2 or 5 times a power of ten. */
function stepOf(low: number, high: number, count: number): number {
  const rough = (high - low) / Math.max(1, count)
  const power = 10 ** Math.floor(Math.log10(rough))
  return (rough / power >= 7.07 ? 10 : rough / power >= 3.16 ? 5 : rough / power >= 1.41 ? 2 : 1) * power
}

/** Powers of ten, every few of them where there are many, and 2 and 5 times them where there are few. */
function logTicks(low: number, high: number, count: number): number[] {
  const decades = Math.log10(high / low)
  const factors = decades * 3 <= count + 2 ? [1, 2, 5] : [1]
  const stride = Math.max(1, Math.round(decades / Math.max(1, count)))
  const found: number[] = []
  for (let power = Math.floor(Math.log10(low)); power <= Math.ceil(Math.log10(high)); power++) {
    if (power % stride === 0) found.push(...factors.map((factor) => Number(`${factor}e${power}`)))
  }
  return found.filter((tick) => tick >= low * (1 - 1e-12) && tick <= high * (1 + 1e-12))
}

/** The next of 1, 2, 5, 10 times a power of ten below (floor) or above (ceil). */
function roundLog(value: number, round: (x: number) => number): number {
  const power = Math.floor(Math.log10(value))
  const steps = [1, 2, 5, 10].map((factor) => Number(`${factor}e${power}`))
  return round === Math.floor ? steps.findLast((step) => step <= value)! : steps.find((step) => step >= value)!
}

/** Without the last digits of binary rounding: 0.30000000000000004 is 0.3. */
function tidy(value: number): number {
  return Number(value.toPrecision(12))
}
