import type { Wgsl } from '../kernel-text.ts'

/** Threads of a group, 16 × 16; each computes `rows × columns` results, so a group a tile of 16 times that. */
const side = 16

export interface Tile {
  /** Results of one thread, multiples of 4. */
  readonly rows: number
  readonly columns: number
  /** How far the tiles of a and b reach along the summed axis. */
  readonly depth: number
}

/**
 * Matrix product by tiles: a group copies a tile of a and one of b into its shared memory, where each element is used 16
 * times, and every thread keeps its results in registers. Of the 8 numbers that it reads of a and b for 16 products with 4 × 4
 * results, and the 16 for 64 with 8 × 8, those of the group's neighbours lie side by side, so that no two fall into one bank;
 * nor do those that are stored, since a row of a tile has a vector more than it needs. Parameters are those of the plain kernel
 * for a grid of `axes`, as is the function `finish` of a result and of the numbers (`c`) and array elements (`a`) of `kinds`.
 */
export function matmulWgsl(axes: 2 | 3, { rows, columns, depth }: Tile, kinds?: string): Wgsl {
  const [tileM, tileN] = [side * rows, side * columns]
  const [groupsM, groupsN] = [tileM / 4, tileN / 4]
  const [lineA, lineB] = [groupsM + 1, groupsN + 1]
  // A tile is copied as vectors of 4 neighbouring rows of a, or columns of b.
  const [loadsA, loadsB] = [(groupsM * depth) / 256, (groupsN * depth) / 256]
  const p = (name: string): string => `params.user_${name}`
  const [y, x] = axes === 2 ? [0, 1] : [1, 2]
  const base = (name: string): string => `${p(`${name}At`)}${axes === 2 ? '' : ` + z * ${p(`${name}S0`)}`}`
  // Of row m and column n.
  const element = (name: string, m: string, n: string): string =>
    `user_${name}[${base(name)} + (${m}) * ${p(`${name}S${y}`)} + (${n}) * ${p(`${name}S${x}`)}]`
  const finished = (value: string, m: string, n: string): string => {
    if (kinds === undefined) return value
    const given = kinds.split('').map((kind, i) => (kind === 'a' ? element(`x${i + 1}`, m, n) : p(`x${i + 1}`)))
    return `fn_finish(${[value, ...given].join(', ')})`
  }
  const [aM, bN] = [p(`aS${y}`), p(`bS${x}`)]
  const range = (n: number): number[] => [...Array(n).keys()]
  const four = (f: (i: number) => string): string => range(4).map(f).join(', ')
  const sums = range(rows).flatMap((i) => range(columns / 4).map((q) => `c${i}_${q}`))
  return {
    workgroup: [side, side, 1],
    groups: (dims) => [Math.ceil(dims[0] / tileN), Math.ceil(dims[1] / tileM), dims[2] ?? 1],
    body: `
var<workgroup> tileA : array<vec4<f32>, ${lineA * depth}>;
var<workgroup> tileB : array<vec4<f32>, ${lineB * depth}>;
fn loadA(m : i32, k : i32, M : i32, K : i32, at : i32) -> f32 {
  if (m < M && k < K) { return user_a[at + m * ${aM} + k * ${p('aK')}]; }
  return 0.0;
}
fn loadB(k : i32, n : i32, N : i32, K : i32, at : i32) -> f32 {
  if (n < N && k < K) { return user_b[at + k * ${p('bK')} + n * ${bN}]; }
  return 0.0;
}
@compute @workgroup_size(${side}, ${side}, 1)
fn main(@builtin(workgroup_id) wg : vec3<u32>, @builtin(local_invocation_id) li : vec3<u32>, @builtin(local_invocation_index) t : u32) {
  let M = i32(params.outputY);
  let N = i32(params.outputX);
  let K = ${p('length')};
  let z = i32(wg.z);
  let m0 = i32(wg.y) * ${tileM};
  let n0 = i32(wg.x) * ${tileN};
  let atA = ${base('a')};
  let atB = ${base('b')};
  // Neighbouring threads read neighbouring elements, whichever way the matrix lies.
  let alongA = ${p('aK')} == 1;
  let alongB = ${p('bK')} == 1;
  ${sums.map((sum) => `var ${sum} = vec4<f32>();`).join('\n  ')}
  for (var k0 = 0; k0 < K; k0 += ${depth}) {
    for (var i = 0u; i < ${loadsA}u; i++) {
      let e = t + i * 256u;
      var g = e % ${groupsM}u;
      var k = e / ${groupsM}u;
      if (alongA) { k = e % ${depth}u; g = e / ${depth}u; }
      let m = m0 + i32(g) * 4;
      let at = k0 + i32(k);
      tileA[k * ${lineA}u + g] = vec4<f32>(${four((j) => `loadA(m + ${j}, at, M, K, atA)`)});
    }
    for (var i = 0u; i < ${loadsB}u; i++) {
      let e = t + i * 256u;
      var g = e % ${groupsN}u;
      var k = e / ${groupsN}u;
      if (alongB) { k = e % ${depth}u; g = e / ${depth}u; }
      let n = n0 + i32(g) * 4;
      let at = k0 + i32(k);
      tileB[k * ${lineB}u + g] = vec4<f32>(${four((j) => `loadB(at, n + ${j}, N, K, atB)`)});
    }
    workgroupBarrier();
    for (var k = 0u; k < ${depth}u; k++) {
      ${range(rows / 4)
        .map((i) => `let a${i} = tileA[k * ${lineA}u + li.y + ${i * side}u];`)
        .join('\n      ')}
      ${range(columns / 4)
        .map((q) => `let b${q} = tileB[k * ${lineB}u + li.x + ${q * side}u];`)
        .join('\n      ')}
      ${range(rows)
        .flatMap((i) =>
          range(columns / 4).map((q) => `c${i}_${q} = fma(vec4<f32>(a${i >> 2}.${'xyzw'[i & 3]}), b${q}, c${i}_${q});`),
        )
        .join('\n      ')}
    }
    workgroupBarrier();
  }
  let m = m0 + i32(li.y) * 4;
  let n = n0 + i32(li.x) * 4;
  ${range(rows)
    .map((i) => {
      const row = blocked(i)
      const stores = range(columns).map((j) => {
        const value = finished(`c${i}_${j >> 2}.${'xyzw'[j & 3]}`, `m + ${row}`, `n + ${blocked(j)}`)
        return `if (n + ${blocked(j)} < N) { result[at + ${blocked(j)}] = ${value}; }`
      })
      return `if (m + ${row} < M) { let at = (z * M + m + ${row}) * N + n; ${stores.join(' ')} }`
    })
    .join('\n  ')}
}`,
  }
}

/** Where the i-th row or column of a thread lies: its neighbours have theirs between each four of them. */
const blocked = (i: number): number => (i >> 2) * 4 * side + (i & 3)
