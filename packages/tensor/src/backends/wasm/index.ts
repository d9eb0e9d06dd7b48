import { allocate } from '../../memory.ts'
import type { Tensor } from '../../tensor.ts'
import type { Backend } from '../backend.ts'
import { cpu } from '../cpu/index.ts'
import { elementwise } from './elementwise.ts'
import { matmul } from './matmul.ts'
import { conv, convInput, convKernel } from './conv/index.ts'
import { limits as gemmLimits } from './gemm/index.ts'
import { limits } from './limits.ts'
import type { Runtime } from './runtime.ts'
import { softmax } from './softmax.ts'
import { buildProgram } from './program/program.ts'
import { buildStandalone } from './program/standalone.ts'
import { random } from './random.ts'
import { argReduce, reduce } from './reduce/index.ts'
import { residentOf, runtimeFor } from './resident.ts'
import { gather, scatterAdd } from './rows.ts'
import { argsort } from './sort/index.ts'
import { isIn, realOf } from './stage.ts'
import { updateGroup } from './update.ts'
import { pool, poolGradient, poolPick } from './windows/index.ts'

const forProduct = (runtime: Runtime, a: Tensor, out: Tensor): Runtime =>
  runtimeFor(runtime, out, 2 * out.size * a.shape.at(-1)! < gemmLimits.parallel)

/** Threads sum up what lies in their memory; to bring it there takes longer than one thread takes for all. */
const forReduction = (runtime: Runtime, x: Tensor, out: Tensor): Runtime =>
  runtimeFor(runtime, out, x.size < limits.parallel || !isIn(runtime, x))

/** The wasm backend on a runtime; kernels that it lacks are those of the cpu backend, on the same host tensors. */
export const makeWasmBackend = (runtime: Runtime): Backend => ({
  ...cpu,
  name: 'wasm',
  allocate,
  elementwise: (kernel, inputs, outputs, compute) => elementwise(runtime, kernel, inputs, outputs, compute),
  matmul(a, b, out) {
    const type = realOf(out.dtype)
    if (type) matmul(forProduct(runtime, a, out), a, b, out, type)
    else cpu.matmul(a, b, out)
  },
  matmulAdd: (a, b, bias, out) => matmul(forProduct(runtime, a, out), a, b, out, realOf(out.dtype)!, bias),
  updateGroup: (group, inputs, shared) => updateGroup(runtime, group, inputs, shared),
  conv: (x, kernel, attributes, out) => conv(runtime, x, kernel, attributes, out, realOf(out.dtype)!),
  convInput: (dy, kernel, attributes, out) => convInput(runtime, dy, kernel, attributes, out, realOf(out.dtype)!),
  convKernel: (x, dy, attributes, out) => convKernel(runtime, x, dy, attributes, out, realOf(out.dtype)!),
  reduce(reduction, x, axes, out) {
    const type = realOf(x.dtype)
    if (type) reduce(forReduction(runtime, x, out), reduction, x, axes, out, type)
    else cpu.reduce(reduction, x, axes, out)
  },
  argReduce(kind, x, axis, out) {
    const type = realOf(x.dtype)
    if (type) argReduce(forReduction(runtime, x, out), kind, x, axis, out, type)
    else cpu.argReduce(kind, x, axis, out)
  },
  pool(kind, x, attributes, out) {
    const type = realOf(out.dtype)
    if (type && x.dtype === out.dtype) pool(runtime, kind, x, attributes, out, type)
    else cpu.pool(kind, x, attributes, out)
  },
  poolGradient(kind, x, dy, attributes, out) {
    const type = realOf(out.dtype)
    if (type && x.dtype === out.dtype) poolGradient(runtime, kind, x, dy, attributes, out, type)
    else cpu.poolGradient(kind, x, dy, attributes, out)
  },
  poolPick(values, x, attributes, out) {
    const type = realOf(out.dtype)
    if (type && x.dtype === out.dtype) poolPick(runtime, values, x, attributes, out, type)
    else cpu.poolPick(values, x, attributes, out)
  },
  gather: (x, indices, axis, out) => gather(runtime, x, indices, axis, out),
  scatterAdd: (updates, indices, axis, out) => scatterAdd(runtime, updates, indices, axis, out),
  argsort(x, descending, out) {
    const isOneTask = x.size < limits.parallel || x.size === x.shape.at(-1)
    argsort(runtimeFor(runtime, out, isOneTask), x, descending, out)
  },
  random(key, stream, out) {
    const type = realOf(out.dtype)
    if (type) random(runtimeFor(runtime, out, out.size < limits.parallel), key, stream, out, type)
    else cpu.random(key, stream, out)
  },
  softmax(x, out, log) {
    softmax(runtime, x, out, log, realOf(out.dtype)!)
  },
  get loops() {
    return !runtime.deterministic
  },
  expect(variables) {
    for (const variable of variables)
      if (variable.size >= limits.expected && variable.buffer.array) residentOf(runtime, variable).expect()
  },
  program(graph) {
    return buildProgram(runtime, this, graph)
  },
  standalone(graph) {
    return buildStandalone(this, graph)
  },
})
