import { freePort } from '@urbanbloom/local/ports'
import { type ProgramName, programNames, serviceNames } from '@urbanbloom/local/programs'
import { generateSecrets } from '@urbanbloom/local/secrets'
import type { Deployment } from '@urbanbloom/local/service-environment'
import { rolePasswords } from './role-passwords.ts'
import type { TestDatabase } from './test-database.ts'

/**
 * One deployment for each replica: its services call each other, and share with the other replicas the database,
 * Redis, the secrets and the one payment sandbox. Each gateway knows all replicas of every service.
 */
export async function planDeployments(options: {
  replicas: number
  database: Pick<TestDatabase, 'urlFor'>
  redisUrl: string
  logLevel: string
  /** Where pictures are kept, for all replicas. */
  objectsFolder: string
}): Promise<Deployment[]> {
  const { replicas, database, redisUrl, logLevel, objectsFolder } = options
  const ports = await distinctPorts(1 + replicas * serviceNames.length)
  const sandboxPort = take(ports)
  const secrets = { ...generateSecrets(), rolePasswords: { ...rolePasswords } }
  const portsOf = Array.from({ length: replicas }, () =>
    portsByName((program) => (program === 'payment-sandbox' ? sandboxPort : take(ports))),
  )
  return portsOf.map((own) => ({
    ports: own,
    replicas: portsOf,
    databaseUrlFor: database.urlFor,
    redisUrl,
    secrets,
    logLevel,
    objectsFolder,
  }))
}

async function distinctPorts(count: number): Promise<number[]> {
  const found = new Set<number>()
  while (found.size < count) found.add(await freePort())
  return [...found]
}

function take(ports: number[]): number {
  const port = ports.pop()
  if (port === undefined) throw new Error('More ports were asked for than were found')
  return port
}

function portsByName(portOf: (program: ProgramName) => number): Record<ProgramName, number> {
  const ports: Partial<Record<ProgramName, number>> = {}
  for (const program of programNames) ports[program] = portOf(program)
  return ports as Record<ProgramName, number>
}
