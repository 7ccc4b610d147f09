import { chmod, mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { Failure, reasonOf } from './failure.ts'

/** Says that a folder is ours, so that everything in it may be deleted. */
const MARKER = '.urbanbloom'
const MARKER_TEXT = 'Made by UrbanBloom: "npm start" and "npm run reset" delete what is in this folder.\n'

/**
 * Makes `folder`, or takes it when it is empty or ours already, and writes our marker into it.
 * @throws Failure when somebody else's files are in it, or it cannot be made or written; nothing was touched then.
 */
export async function takeFolder(folder: string): Promise<void> {
  try {
    const isNew = await makeFolder(folder)
    // As root, Postgres runs as another user that has to pass through. What was there keeps its mode.
    if (isNew) await chmod(folder, 0o755)
    else await refuseForeignFolder(folder)
    await writeFile(join(folder, MARKER), MARKER_TEXT)
  } catch (err) {
    if (err instanceof Failure) throw err
    throw new Failure(
      `The folder ${folder} cannot be written (${reasonOf(err)}): ` +
        'make it writable for this user, or set DATA_FOLDER to another one.',
      { cause: err },
    )
  }
}

/** @throws Failure when `folder` has files in it and is not ours. One that is missing or empty is nobody's. */
export async function refuseForeignFolder(folder: string): Promise<void> {
  const names = await namesIn(folder)
  if (names.length === 0 || names.includes(MARKER) || (await hasOurSecrets(folder))) return
  throw new Failure(
    `The folder ${folder} has files in it that are not UrbanBloom's, so nothing there was touched: ` +
      'set DATA_FOLDER to an empty folder, or to one that does not exist yet.',
  )
}

async function namesIn(folder: string): Promise<string[]> {
  try {
    return await readdir(folder)
  } catch (err) {
    const reason = reasonOf(err)
    if (reason === 'ENOENT') return []
    throw new Failure(`The folder ${folder} cannot be read (${reason}): set DATA_FOLDER to another one.`, {
      cause: err,
    })
  }
}

/** Folders that were made before there was a marker are known by their secrets. */
async function hasOurSecrets(folder: string): Promise<boolean> {
  try {
    const secrets: unknown = JSON.parse(await readFile(join(folder, 'secrets.json'), 'utf8'))
    return typeof secrets === 'object' && secrets !== null && 'signingKeySecret' in secrets
  } catch {
    return false
  }
}

/**
 * Makes a folder and those above it, and says whether it is new. `mkdir`'s own `recursive` never ends where a file
 * system answers ENOENT under a folder that exists, as `/proc` does.
 */
async function makeFolder(folder: string): Promise<boolean> {
  const made = await tryToMake(folder)
  if (made !== 'ENOENT' || dirname(folder) === folder) return made === 'made'
  await makeFolder(dirname(folder))
  await mkdir(folder)
  return true
}

async function tryToMake(folder: string): Promise<'made' | 'EEXIST' | 'ENOENT'> {
  try {
    await mkdir(folder)
    return 'made'
  } catch (err) {
    const { code } = err as { code?: string }
    if (code === 'EEXIST' || code === 'ENOENT') return code
    throw err
  }
}
