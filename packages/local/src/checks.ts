import { Failure } from './failure.ts'
import { expectGivenDatabase, expectGivenRedis } from './local-servers.ts'
import { isPortFree } from './ports.ts'
import { programNames } from './programs.ts'
import { findRedis, type RedisSource } from './redis-source.ts'
import { portVariable, type Settings } from './settings.ts'

/**
 * Looks for everything that would stop a start, before anything is started.
 * @returns where a Redis can be had; undefined when one is given.
 * @throws Failure that says what is wrong and what to do.
 */
export async function checkMachine(settings: Settings): Promise<RedisSource | undefined> {
  expectDifferentPorts(settings)
  const [source] = await Promise.all([
    settings.redisUrl === undefined ? findRedis(process.env) : undefined,
    expectFreePorts(settings),
    settings.redisUrl !== undefined && expectGivenRedis(settings.redisUrl),
    settings.databaseUrl !== undefined && expectGivenDatabase(settings.databaseUrl),
  ])
  return source
}

function portsByVariable(settings: Settings): [variable: string, port: number][] {
  const { postgresPort, redisPort } = settings
  const wanted: [string, number][] = programNames.map((name) => [portVariable(name), settings.ports[name]])
  wanted.push(['GATEWAY_METRICS_PORT', settings.gatewayMetricsPort])
  if (postgresPort !== undefined && settings.databaseUrl === undefined)
    wanted.push(['POSTGRES_PORT', postgresPort])
  if (redisPort !== undefined && settings.redisUrl === undefined) wanted.push(['REDIS_PORT', redisPort])
  return wanted
}

async function expectFreePorts(settings: Settings): Promise<void> {
  const taken = await Promise.all(
    portsByVariable(settings).map(async ([variable, port]) => ({
      variable,
      port,
      isFree: await isPortFree(port),
    })),
  )
  const [first, ...others] = taken.filter(({ isFree }) => !isFree)
  if (first === undefined) return
  const also =
    others.length === 0
      ? ''
      : ` (so ${others.length === 1 ? 'is' : 'are'} ${others.map(({ port }) => port).join(', ')})`
  throw new Failure(
    `Port ${first.port} is taken by another program${also}: stop that program, or set ${first.variable} to a free port.`,
  )
}

function expectDifferentPorts(settings: Settings): void {
  const seen = new Map<number, string>()
  for (const [variable, port] of portsByVariable(settings)) {
    const other = seen.get(port)
    if (other !== undefined)
      throw new Failure(`${other} and ${variable} are both ${port}: give each its own port.`)
    seen.set(port, variable)
  }
}
