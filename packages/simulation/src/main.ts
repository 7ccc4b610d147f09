// A day in Atlanta: `npm run simulate -- [--profile full] [--speed 60] [--hours 24] [--start-hour 6]
// [--fault dead-spots,bad-cards] [--seed 1]`. URBANBLOOM_URL names another entrance than the local one; with
// `--own-system` one is started for the simulation alone, of which faults can take parts away.
import { parseArgs } from 'node:util'
import { accounts, PASSWORD } from '@urbanbloom/local/seed-data'
import { readSettings } from '@urbanbloom/local/settings'
import { createDashboard } from './dashboard.ts'
import { type Fault, faults, isFault } from './faults.ts'
import { withLostWebhooks } from './lost-webhooks.ts'
import { startOwnSystem } from './own-system.ts'
import { type ProfileName, profiles } from './profiles.ts'
import { isServerFault, type ServerFaultName, serverFaults } from './server-faults.ts'
import { type Simulation, simulate } from './simulate.ts'
import { summarize } from './summary.ts'

const HOUR_MS = 3_600_000
const REDRAW_MS = 1_000
const LINE_EVERY_MS = 10_000

const stopping = new AbortController()
process.once('SIGINT', () => stopping.abort())
process.once('SIGTERM', () => stopping.abort())

try {
  const args = process.argv.slice(2)
  if (args.includes('--help')) console.log(usage())
  else process.exitCode = await run(readArguments(args))
} catch (err) {
  console.error(err instanceof Error ? err.message : err)
  process.exitCode = 1
}
process.exit()

function usage(): string {
  return [
    'npm run simulate -- [--profile full] [--speed 60] [--hours 24] [--start-hour 6] [--seed 1]',
    '                    [--fault one,another] [--own-system]',
    'Profiles:',
    ...Object.entries(profiles).map(([name, { says }]) => `  ${name}: ${says}`),
    ...faultsThereAre(),
  ].join('\n')
}

function faultsThereAre(): string[] {
  return [
    'Faults:',
    ...Object.entries(faults).map(([name, says]) => `  ${name}: ${says}`),
    'and with --own-system, because nobody else’s processes are killed:',
    ...Object.entries(serverFaults).map(([name, { says }]) => `  ${name}: ${says}`),
  ]
}

async function run(parsed: Arguments): Promise<number> {
  if (!parsed.ownSystem) {
    const { ports } = readSettings(process.env)
    const url = process.env.URBANBLOOM_URL || `http://127.0.0.1:${ports.gateway}`
    const ops = { email: accounts.ops.email, password: PASSWORD }
    return liveThrough(parsed, { url, ops }, (play) =>
      parsed.switched.has('lost-webhooks')
        ? withLostWebhooks(`http://127.0.0.1:${ports['payment-sandbox']}`, play)
        : play(),
    )
  }
  console.log('Starting a system of its own')
  const system = await startOwnSystem()
  try {
    return await liveThrough(parsed, system, (play) => system.withFaults(parsed.serverFaults, play))
  } finally {
    await system.close()
  }
}

type Entrance = { url: string; ops: { email: string; password: string } }
type Around = (play: () => Promise<Simulation>) => Promise<Simulation>

/** @param around what happens to the system meanwhile. @returns the exit code. */
async function liveThrough(parsed: Arguments, { url, ops }: Entrance, around: Around): Promise<number> {
  const { profile, speed, hours, startHour, seed, switched } = parsed
  console.log(`${profile}: ${profiles[profile].says}, at ${url}`)
  const over = setTimeout(() => stopping.abort(), (hours * HOUR_MS) / speed)
  let redraw: NodeJS.Timeout | undefined
  const play = () =>
    simulate({
      url,
      ops,
      profile: profiles[profile],
      faults: switched,
      speed,
      startHour,
      seed,
      stop: stopping.signal,
      hasOutages: parsed.serverFaults.length > 0,
      onBegin: (world) => {
        const draw = createDashboard(world)
        const isScreen = process.stdout.isTTY
        const clear = isScreen ? '\u001B[2J\u001B[H' : ''
        redraw = setInterval(() => console.log(`${clear}${draw()}\n`), isScreen ? REDRAW_MS : LINE_EVERY_MS)
      },
    })
  try {
    const simulation = await around(play)
    clearInterval(redraw)
    console.log(`\n${summarize(simulation)}`)
    return simulation.world.tally.surpriseCount() === 0 ? 0 : 1
  } finally {
    clearInterval(redraw)
    clearTimeout(over)
  }
}

type Arguments = {
  profile: ProfileName
  speed: number
  hours: number
  startHour: number
  seed: number
  switched: ReadonlySet<Fault>
  ownSystem: boolean
  serverFaults: readonly ServerFaultName[]
}

/** @throws an error that lists everything that is wrong with them. */
function readArguments(args: string[]): Arguments {
  const { values } = parseArgs({
    args,
    options: {
      profile: { type: 'string', default: 'full' },
      speed: { type: 'string', default: '60' },
      hours: { type: 'string', default: '24' },
      'start-hour': { type: 'string', default: '6' },
      seed: { type: 'string', default: '1' },
      fault: { type: 'string', multiple: true, default: [] },
      'own-system': { type: 'boolean', default: false },
    },
  })
  const wrong: string[] = []
  const number = (name: string, text: string, least: number, most: number) => {
    const value = Number(text)
    if (!(value >= least && value <= most)) wrong.push(`--${name} is ${text}: take ${least} to ${most}.`)
    return value
  }
  const profile = values.profile as ProfileName
  if (!Object.hasOwn(profiles, profile)) {
    wrong.push(`There is no profile ${profile}: take one of ${Object.keys(profiles).join(', ')}.`)
  }
  const names = values.fault.flatMap((text) => text.split(',')).filter((name) => name !== '')
  for (const name of names.filter((each) => !isFault(each) && !isServerFault(each))) {
    wrong.push(`There is no fault ${name}.`, ...faultsThereAre())
  }
  const ownSystem = values['own-system']
  if (!ownSystem && names.some(isServerFault)) {
    wrong.push(`The fault ${names.filter(isServerFault).join(', ')} needs --own-system.`)
  }
  if (ownSystem && names.includes('lost-webhooks')) {
    wrong.push('The fault lost-webhooks is for the running system, without --own-system.')
  }
  const parsed: Arguments = {
    profile,
    speed: number('speed', values.speed, 0.1, 1_000),
    hours: number('hours', values.hours, 0.01, 10_000),
    startHour: number('start-hour', values['start-hour'], 0, 23.99),
    seed: number('seed', values.seed, 0, 4_294_967_295),
    switched: new Set(names.filter(isFault)),
    ownSystem,
    serverFaults: names.filter(isServerFault),
  }
  if (wrong.length > 0) throw new Error(wrong.join('\n'))
  return parsed
}
