/** The special cases of the array API standard, on every backend, in float32 and float64: see special-cases.ts. */
import type { Tensor } from '@typegrad/tensor'
import { describe, expect, test } from 'vitest'
import { dense } from '../tensor/arrays.ts'
import { onEveryBackend, withPrograms } from '../tensor/backends.ts'
import { caseCount, casesOf, elementwiseCases, fits, statisticalCases } from './special-cases.ts'

type Methods = Record<string, (...args: unknown[]) => Tensor>
const floats = ['float32', 'float64'] as const
const show = (x: number): string => (Object.is(x, -0) ? '-0' : String(x))

test('there are as many as the standard has', () => {
  expect(caseCount).toBeGreaterThan(400)
  console.info(`special cases: ${caseCount}`)
})

onEveryBackend((backend) => {
  const types = floats.filter((type) => backend.dtypes.includes(type))

  describe.each(Object.entries(elementwiseCases))('%s', (name, line) => {
    test.each(casesOf(line))('$text', async ({ operands, result }) => {
      for (const type of types) {
        const [x, ...others] = operands[0].map((_, k) => dense([operands.length], operands.map((row) => row[k]), type)) // prettier-ignore
        const got = Array.from(await (x as unknown as Methods)[name](...others).data())
        const wrong = operands.flatMap((row, i) =>
          fits(result, got[i], row) ? [] : `${name}(${row.map(show).join(', ')}) is ${show(got[i])} in ${type}`,
        )
        expect(wrong).toEqual([])
      }
    })
  })

  describe.each(Object.entries(statisticalCases))('%s', (name, list) => {
    test.each(list)('of %j', async (elements, result) => {
      for (const type of types) {
        const x = dense([elements.length], elements, type)
        expect(Array.from(await (x as unknown as Methods)[name]().data(), Number)).toEqual(result)
      }
    })
  })
}, withPrograms)
