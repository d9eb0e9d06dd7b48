import { makeFolderOf } from '#platform'
import { optionsOf, ValueError } from '@typegrad/tensor'
import { storage } from '../storage.ts'
import { Callback } from './callback.ts'

export interface BackupAndRestoreOptions {
  /** After every epoch, or after every so many batches. @defaultValue `'epoch'` */
  readonly saveFreq?: 'epoch' | number
  /** Removes the backup when training has come to its end. @defaultValue `true` */
  readonly deleteCheckpoint?: boolean
}

/**
 * Keeps a backup of the whole training run in a folder (or in browsers at `opfs://name`): when the same `fit` is called again after a crash (or an AbortSignal), it goes on
 * where the backup was made, as if nothing had happened: with the same weights, optimizer, random numbers, order of the samples,
 * figures and callbacks.
 */
export class BackupAndRestore extends Callback {
  readonly #target: string
  readonly #every: number
  readonly #delete: boolean
  #batches = 0

  constructor(backupDir: string, options?: BackupAndRestoreOptions) {
    super()
    const { saveFreq, deleteCheckpoint } = optionsOf('BackupAndRestore', options, { saveFreq: 'epoch', deleteCheckpoint: true })
    if (saveFreq !== 'epoch' && !(Number.isInteger(saveFreq) && saveFreq > 0))
      throw new ValueError(`BackupAndRestore: saveFreq must be 'epoch' or a positive integer, got ${JSON.stringify(saveFreq)}`)
    this.#target = `${backupDir}/latest.safetensors`
    this.#every = saveFreq === 'epoch' ? 0 : saveFreq
    this.#delete = deleteCheckpoint
  }

  override async restore(callbacks: readonly Callback[]): Promise<void> {
    const progress = await this.model.loadCheckpoint(this.#target, { callbacks })
    if (progress !== undefined) await this.run!.goOn(progress)
  }

  override async settled(what: 'batch' | 'epoch'): Promise<void> {
    if (what === 'batch' && (this.#every === 0 || ++this.#batches % this.#every !== 0)) return
    if (what === 'epoch' && this.#every > 0) return
    await makeFolderOf(this.#target)
    await this.model.saveCheckpoint(this.#target, { progress: this.run!.snapshot(), callbacks: this.run!.callbacks })
  }

  /** What was stopped by an AbortSignal can be taken up again. */
  override async onTrainEnd(): Promise<void> {
    if (this.#delete && !this.run?.aborted) await storage('BackupAndRestore').remove(this.#target)
  }
}
