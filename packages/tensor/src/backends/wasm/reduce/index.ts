/** Reductions: `ruleOf` a row of the table, `walkOf` a layout, `writeReduce` the function; `reduce` does it eagerly. */
export { type ArgReduceOptions, writeArgReduce } from './arg.ts'
export { argReduce, reduce, runReduce, sumLines } from './eager.ts'
export { type ReduceOptions, writeReduce } from './kernels.ts'
export { type Walk, walkOf } from './plan.ts'
export { type Rule, ruleOf } from './rule.ts'
