/** Where a page keeps files: its private file system, its database, the reader's downloads. */
import { blobBytes, type Place } from './place.ts'

/** The place that `opfs://folder/name`, `indexeddb://name` or `download://name` names; `undefined` for an address to fetch. */
export function placeOf(target: string | URL): Place | undefined {
  const [, scheme, name] = /^(opfs|indexeddb|download):\/\/(.+)$/i.exec(String(target)) ?? []
  return scheme ? places[scheme.toLowerCase()](decodeURIComponent(name)) : undefined
}

const missing = (name: string): Error => Object.assign(new Error(`there is no '${name}'`), { code: 'ENOENT' })

const blobOf = (pieces: Iterable<Uint8Array>): Blob => new Blob([...pieces] as Uint8Array<ArrayBuffer>[])

const places: Readonly<Record<string, (name: string) => Place>> = {
  opfs: (path) => {
    const names = path.split('/').filter((name) => name !== '')
    const file = names.pop()!
    const folder = async (create: boolean): Promise<FileSystemDirectoryHandle> => {
      let handle = await navigator.storage.getDirectory()
      for (const name of names) handle = await handle.getDirectoryHandle(name, { create })
      return handle
    }
    const absent = (error: unknown): never => {
      throw (error as Error).name === 'NotFoundError' ? missing(path) : error
    }
    return {
      open: async () => {
        const handle = await folder(false)
          .then((parent) => parent.getFileHandle(file))
          .catch(absent)
        return blobBytes(await handle.getFile())
      },
      replace: async (pieces) => {
        const handle = await (await folder(true)).getFileHandle(file, { create: true })
        // What is written shows only when it is closed.
        const writable = await handle.createWritable()
        try {
          for (const piece of pieces) await writable.write(piece as Uint8Array<ArrayBuffer>)
        } catch (error) {
          await writable.abort()
          throw error
        }
        await writable.close()
      },
      remove: async () => {
        await folder(false)
          .then((parent) => parent.removeEntry(file))
          .catch((error: unknown) => {
            if ((error as Error).name !== 'NotFoundError') throw error
          })
      },
    }
  },
  indexeddb: (name) => ({
    open: async () => {
      const blob = await inStore('readonly', (store) => store.get(name) as IDBRequest<Blob | undefined>)
      if (!blob) throw missing(name)
      return blobBytes(blob)
    },
    replace: async (pieces) => {
      await inStore('readwrite', (store) => store.put(blobOf(pieces), name))
    },
    remove: async () => {
      await inStore('readwrite', (store) => store.delete(name) as IDBRequest<unknown>)
    },
  }),
  download: (name) => ({
    open: () => Promise.reject(new Error('a download cannot be read back; let the reader choose the file')),
    replace: async (pieces) => {
      const href = URL.createObjectURL(blobOf(pieces))
      Object.assign(document.createElement('a'), { href, download: name }).click()
      setTimeout(() => URL.revokeObjectURL(href), 60_000)
    },
    remove: () => Promise.reject(new Error('a download cannot be removed')),
  }),
}

/** Runs one request on the store of files; what is written is there as a whole when the promise is kept. */
async function inStore<T>(mode: IDBTransactionMode, ask: (store: IDBObjectStore) => IDBRequest<T>): Promise<T> {
  const opening = indexedDB.open('typegrad', 1)
  opening.addEventListener('upgradeneeded', () => opening.result.createObjectStore('files'))
  const database = await answer(opening)
  try {
    const transaction = database.transaction('files', mode)
    const request = ask(transaction.objectStore('files'))
    await new Promise<void>((resolve, reject) => {
      transaction.addEventListener('complete', () => resolve())
      transaction.addEventListener('abort', () => reject(transaction.error ?? new Error('the database refused')))
    })
    return request.result
  } finally {
    database.close()
  }
}

const answer = <T>(request: IDBRequest<T>): Promise<T> =>
  new Promise((resolve, reject) => {
    request.addEventListener('success', () => resolve(request.result))
    request.addEventListener('error', () => reject(request.error ?? new Error('the database refused')))
  })
