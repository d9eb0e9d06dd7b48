import { type Expr, type Func, i32, integers, ModuleBuilder } from '../assembler/index.ts'
import { type JobWord, jobWord } from './job.ts'
import { type GemmOptions, type Left, type Real, reals } from './real.ts'
import { writeRectangle } from './rectangle.ts'

/** A module with one exported function, the one that {@link writeGemm} writes. */
export function buildGemm(options: GemmOptions): Uint8Array<ArrayBuffer> {
  const module = new ModuleBuilder({ memory: { shared: options.shared } })
  module.export(writeGemm(module, options))
  return module.toBytes()
}

/** What makes kernels: a runtime, or what stands for it. */
interface KernelHost {
  readonly fused: boolean
  readonly shared: boolean
  kernel(key: string, build: () => Uint8Array<ArrayBuffer>): number
}

const key = (type: Real, left: Left, fused: boolean): string => `gemm/${type}/${fused}/${left}`

/** The keys of plain products, which small ones are not to put together. */
const plain = {
  f32: [key('f32', 'matrix', false), key('f32', 'matrix', true)],
  f64: [key('f64', 'matrix', false), key('f64', 'matrix', true)],
}

/** The number of the kernel for a kind of product. */
export function gemmKernel(host: KernelHost, type: Real, left: Left = 'matrix'): number {
  const { fused, shared } = host
  const name = left === 'matrix' ? plain[type][Number(fused)] : key(type, left, fused)
  return host.kernel(name, () => buildGemm({ type, fused, shared, left }))
}

const params = integers('job', 'begin', 'end', 'scratch')

/**
 * The function `gemm(job, begin, end, scratch)` of a module: tasks `begin` to `end` of the product described at `job`.
 *
 * `C[i, j] = activation(((C[i, j] + S_0) + S_1) + … + bias[j])` with `S_q = Σ a·b` over block q of `blockDepth` steps of k: from
 * +0, in the order of k, each step rounded after the product and after the sum, or once where `fused`; without
 * `accumulate` it begins with S_0. The order is the same wherever an element lies and whichever way it is computed, so
 * neither threads nor packing nor the rest of a batch change a bit.
 */
export function writeGemm(module: ModuleBuilder, options: GemmOptions): Func<typeof params, 'none'> {
  const { bytes } = reals[options.type]
  const rectangle = writeRectangle(module, options)
  return module.func('gemm', { params }, (f, p) => {
    const word = (name: JobWord): Expr<'i32'> => jobWord(p.job, name)
    f.for(p.begin, p.end, 1, (task) => {
      const line = f.let(i32.divU(task, word('columnTasks')))
      const batch = f.let(i32.divU(line, word('rowTasks')))
      const left = f.let(i32.mul(i32.sub(task, i32.mul(line, word('columnTasks'))), word('taskColumns')))
      const top = f.let(i32.mul(i32.sub(line, i32.mul(batch, word('rowTasks'))), word('taskRows')))
      const rows = f.least(i32.sub(word('m'), top), word('taskRows'))
      const columns = f.least(i32.sub(word('n'), left), word('taskColumns'))
      const a = f.let(word('a'))
      const b = f.let(i32.add(word('b'), i32.mul(left, word('bColumn'))))
      const c = f.let(i32.add(word('c'), i32.add(i32.mul(top, word('cRow')), i32.mul(left, bytes))))
      const offsets = f.let(word('offsets'))
      f.if(offsets, () => {
        const at = f.let(i32.add(offsets, i32.mul(batch, 12)))
        for (const [i, operand] of [a, b, c].entries()) f.set(operand, i32.add(operand, i32.load(at, 4 * i)))
      })
      const bias = f.let(word('bias'))
      f.if(bias, () => f.set(bias, i32.add(bias, i32.mul(left, word('biasStep')))))
      f.do(rectangle.call({ job: p.job, a, top, b, c, bias, rows, columns, scratch: p.scratch }))
    })
  })
}
