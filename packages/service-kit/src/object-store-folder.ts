import { constants } from 'node:fs'
import { access, mkdir, open, readFile, rename, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { ConfigError } from './config.ts'
import { unavailable } from './errors.ts'
import { newId } from './ids.ts'
import { type ObjectStore, type ObjectStoreConfig, type ObjectStoreLimits, tooLarge } from './object-store.ts'

const SUFFIX_OF_TYPE = '.content-type'

/** Objects as files that a person can open; the content type lies beside, written first. */
export async function openFolderStore(
  { folder }: Extract<ObjectStoreConfig, { kind: 'folder' }>,
  { maxBytes }: ObjectStoreLimits,
): Promise<ObjectStore> {
  try {
    await mkdir(folder, { recursive: true })
    await access(folder, constants.R_OK | constants.W_OK | constants.X_OK)
  } catch (err) {
    throw new ConfigError([`OBJECT_STORE_URL: the folder ${folder} cannot be written (${codeOf(err)})`], {
      cause: err,
    })
  }
  return {
    async put(key, body, { contentType }) {
      const path = join(folder, key)
      try {
        await mkdir(dirname(path), { recursive: true })
        await writeWhole(`${path}${SUFFIX_OF_TYPE}`, Buffer.from(contentType))
        await writeWhole(path, body)
      } catch (err) {
        throw away(err)
      }
    },
    async get(key) {
      const path = join(folder, key)
      try {
        await using file = await open(path, 'r')
        const { size } = await file.stat()
        if (size > maxBytes) throw tooLarge(maxBytes)
        const [body, contentType] = await Promise.all([
          file.readFile(),
          readFile(`${path}${SUFFIX_OF_TYPE}`, 'utf8'),
        ])
        return { body, contentType }
      } catch (err) {
        if (codeOf(err) === 'ENOENT') return null
        throw away(err)
      }
    },
    async delete(key) {
      const path = join(folder, key)
      try {
        await rm(path, { force: true })
        await rm(`${path}${SUFFIX_OF_TYPE}`, { force: true })
      } catch (err) {
        throw away(err)
      }
    },
    close: async () => undefined,
  }
}

/** Under another name first and synced, so that a crash leaves no half of a file. */
async function writeWhole(path: string, body: Uint8Array): Promise<void> {
  const unfinished = join(dirname(path), `.${newId()}.unfinished`)
  try {
    const file = await open(unfinished, 'wx')
    try {
      await file.writeFile(body)
      await file.sync()
    } finally {
      await file.close()
    }
    await rename(unfinished, path)
  } catch (err) {
    await rm(unfinished, { force: true })
    throw err
  }
}

function away(err: unknown): unknown {
  if (codeOf(err) === undefined || !(err instanceof Error) || err.name === 'ServiceError') return err
  return unavailable('object_store_unavailable', 'Files cannot be stored or read just now; try again', {
    cause: err,
  })
}

function codeOf(err: unknown): string | undefined {
  return err instanceof Error ? (err as NodeJS.ErrnoException).code : undefined
}
