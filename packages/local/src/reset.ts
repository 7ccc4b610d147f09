import { rm } from 'node:fs/promises'
import { jobsSchema, serviceSchemas } from '@urbanbloom/database/roles'
import { endLeftovers, refuseWhileRunning } from './data-folder.ts'
import { Failure } from './failure.ts'
import { expectGivenDatabase } from './local-servers.ts'
import { refuseForeignFolder } from './own-folder.ts'
import { chooseClusterFolder, stopLeftover } from './postgres-cluster.ts'
import { runStatement } from './postgres-server.ts'
import { readSettings } from './settings.ts'

try {
  const { dataFolder, databaseUrl } = readSettings(process.env)
  await refuseForeignFolder(dataFolder)
  await refuseWhileRunning(dataFolder)
  await endLeftovers(dataFolder)
  if (databaseUrl !== undefined) {
    await dropSchemas(databaseUrl)
    console.log(`The services' schemas in the database "${new URL(databaseUrl).pathname.slice(1)}" are gone.`)
  }
  const cluster = await chooseClusterFolder(dataFolder)
  await stopLeftover(`${cluster}/data`)
  await rm(cluster, { recursive: true, force: true })
  await rm(dataFolder, { recursive: true, force: true })
  console.log(`${dataFolder} is gone; "npm start" makes everything anew.`)
} catch (err) {
  console.error(err instanceof Failure ? err.message : err)
  process.exitCode = 1
}

async function dropSchemas(url: string): Promise<void> {
  await expectGivenDatabase(url)
  const names = serviceSchemas.flatMap(({ schema }) => [schema, jobsSchema(schema)])
  await runStatement(url, `drop schema if exists ${names.join(', ')} cascade`)
}
