/**
 * Joins the modules of each package into few files for Node, where every file costs time to load: of `dist` what `exports` names under
 * `node`. Browsers get the modules one by one, of which bundlers take what is used.
 */
import { readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { build, type Plugin } from 'vite'

/** Files that are found by their address beside the one that names them. */
const beside: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  tensor: { 'worker.node': 'dist/backends/wasm/worker.node.js' },
}

/** Escapes all that is not ASCII: for one such letter, in a comment even, the engine keeps and reads a file in two bytes a letter. */
const ascii: Plugin = {
  name: 'ascii',
  generateBundle(_, bundle) {
    for (const chunk of Object.values(bundle))
      if (chunk.type === 'chunk')
        chunk.code = chunk.code.replace(
          /[\u0080-\uffff]/g,
          (letter) => `\\u${letter.charCodeAt(0).toString(16).padStart(4, '0')}`,
        )
  },
}

type Exports = Readonly<Record<string, string | { readonly node?: string; readonly default: string }>>

const made: [joined: string, modules: string][] = []
const packages = fileURLToPath(new URL('../packages/', import.meta.url))
for (const name of readdirSync(packages)) {
  const root = `${packages}${name}/`
  const { exports } = JSON.parse(readFileSync(`${root}package.json`, 'utf8')) as { exports: Exports }
  const targets = Object.values(exports).flatMap((one) => (typeof one === 'object' && one.node ? [[one.node, one.default]] : []))
  if (targets.length === 0) continue
  const entries = targets.map(([to, from]): [string, string] => [to.slice('./dist/node/'.length, -'.js'.length), from])
  const inputs = [...entries, ...Object.entries(beside[name] ?? {})].map(([to, from]) => [to, `${root}${from}`])
  await build({
    configFile: false,
    logLevel: 'warn',
    plugins: [ascii],
    root,
    resolve: { conditions: ['node', 'module', 'default'] },
    build: {
      ssr: true,
      outDir: 'dist/node',
      emptyOutDir: true,
      minify: false,
      target: 'node20',
      rolldownOptions: {
        input: Object.fromEntries(inputs),
        preserveEntrySignatures: 'strict',
        external: (id: string) => /^[^./#]/.test(id),
        // Names of classes are names of layers.
        output: { entryFileNames: '[name].js', chunkFileNames: '[name]-[hash].js', keepNames: true, comments: { jsdoc: false } },
      },
    },
  })
  made.push(...targets.map(([to, from]): [string, string] => [`${root}${to}`, `${root}${from}`]))
}
// They import one another.
for (const [joined, modules] of made) await assertSame(joined, modules)

/** Throws unless both modules export things of the same names. */
async function assertSame(joined: string, modules: string): Promise<void> {
  const [a, b] = (await Promise.all([joined, modules].map((path) => import(pathToFileURL(path).href)))) as Record<string, any>[]
  const differ = Object.keys({ ...a, ...b }).filter((key) => a[key]?.name !== b[key]?.name || typeof a[key] !== typeof b[key])
  if (differ.length > 0) throw new Error(`${joined}: ${differ.join(', ')} differ from ${modules}`)
}
