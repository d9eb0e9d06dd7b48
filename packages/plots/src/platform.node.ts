import { mkdir, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'

/** Write `text` to the file `path`, with its folders. */
export async function saveText(path: string, text: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true })
  await writeFile(path, text)
}
