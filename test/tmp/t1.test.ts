import { test, expect } from 'vitest'
import { compile, tensor, Variable, random, setSeed, zeros } from '@typegrad/tensor'
import { valueAndGrad } from '@typegrad/autograd'
test('x', () => {
  setSeed(1)
  const f = compile((a: any, b: any) => a.mul(2).add(b).sigmoid().matmul(b.transpose()).softmax().sum(0))
  const a = random.normal([5, 7]), b = random.normal([5, 7])
  const e = a.mul(2).add(b).sigmoid().matmul(b.transpose()).softmax().sum(0)
  const y = f(a, b)
  console.log(f.explain())
  console.log(y.toArray(), e.toArray())
  const w = new Variable(random.normal([7, 3]), { name: 'w' }), w2 = new Variable(w.value, { name: 'w2' })
  const step = (w: Variable) => (x: any) => {
    const { value, grads } = valueAndGrad(() => x.matmul(w).tanh().square().mean(), [w])
    w.assign(w.sub(grads[0].mul(0.1)))
    return value
  }
  const c = compile(step(w)), d = step(w2)
  for (let i = 0; i < 5; i++) console.log(c(a).item(), d(a).item())
  console.log(c.explain())
  expect(w.toArray()).toEqual(w2.toArray())
})
