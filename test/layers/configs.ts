/** Layers made of Keras' arguments and configs. */
import { deserializeLayer, layers, type AnyLayer } from '@typegrad/layers'
import { camelCase } from '@typegrad/tensor'
import { expect } from 'vitest'
import { comparable } from './keras-case.ts'

type Options = Readonly<Record<string, unknown>>

/** A layer from the arguments of its constructor, under Keras' names. */
export function makeLayer(name: string, args: Options): AnyLayer {
  const made = (layers as unknown as Record<string, new (options: Options) => AnyLayer>)[name]
  return new made(Object.fromEntries(Object.entries(args).map(([key, value]) => [camelCase(key), value])))
}

/** What Keras' `get_config` gives for arguments. */
export interface KerasConfig {
  readonly class: string
  readonly args: Options
  readonly config: Options
}

/** Our config, and that of a layer made of Keras', are Keras'; the number in a name does not count. */
export function compareConfigs(configs: readonly KerasConfig[]): void {
  for (const { class: name, args, config } of configs) {
    const read = deserializeLayer({ class_name: name, config }) as AnyLayer
    const [ours, again, expected] = [makeLayer(name, args).getConfig(), read.getConfig(), config].map((one) => {
      const { name: _, ...rest } = comparable(one) as Options
      return { class: name, ...rest }
    })
    expect(ours).toEqual(expected)
    expect(again).toEqual(expected)
  }
}
