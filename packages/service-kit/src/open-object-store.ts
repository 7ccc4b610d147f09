import { type ObjectStore, type ObjectStoreConfig, type ObjectStoreLimits, tooLarge } from './object-store.ts'
import { openFolderStore } from './object-store-folder.ts'
import { openS3Store } from './object-store-s3.ts'

const DEFAULT_LIMITS: ObjectStoreLimits = { maxBytes: 5 * 1024 * 1024, timeoutMs: 8_000 }

/**
 * Opens a store for objects that are too large for the database, such as photos. Keys are paths of ASCII letters,
 * digits, `-`, `_` and `.`; let them hold a new id, so that no object is ever replaced.
 * @throws ConfigError when the folder cannot be made or written, or a bucket comes without credentials.
 */
export async function openObjectStore(
  config: ObjectStoreConfig,
  limits: Partial<ObjectStoreLimits> = {},
): Promise<ObjectStore> {
  const bounds = { ...DEFAULT_LIMITS, ...limits }
  const store = config.kind === 'folder' ? await openFolderStore(config, bounds) : openS3Store(config, bounds)
  return {
    async put(key, body, options) {
      refuseKey(key)
      if (body.byteLength > bounds.maxBytes) throw tooLarge(bounds.maxBytes)
      return store.put(key, body, options)
    },
    async get(key) {
      refuseKey(key)
      return store.get(key)
    },
    async delete(key) {
      refuseKey(key)
      return store.delete(key)
    },
    close: () => store.close(),
  }
}

const KEY = /^[A-Za-z0-9_-][A-Za-z0-9._-]*(?:\/[A-Za-z0-9_-][A-Za-z0-9._-]*)*$/
const KEY_LENGTH_MAX = 512

/** No part begins with a dot, so a key never leaves its folder and never hides. */
function refuseKey(key: string): void {
  if (key.length <= KEY_LENGTH_MAX && KEY.test(key)) return
  throw new Error(`"${key.slice(0, 80)}" cannot be the key of an object`)
}
