// Looks at UrbanBloom on Kubernetes: `npm run cluster -- status | verify | drill [options]`.
import { parseArgs } from 'node:util'
import { Failure } from '@urbanbloom/local/failure'
import { sentenceOf } from './api-error.ts'
import { runClusterDrill } from './cluster-drill.ts'
import { type Cluster, connectCluster } from './connection.ts'
import { askConsent } from './consent.ts'
import { describeStatus } from './status.ts'
import { verify } from './verify.ts'

const usage = `npm run cluster -- status | verify | drill

  status   rollouts, pods, restarts, autoscalers and the warnings of the last hour
  verify   waits until everything is rolled out, says why where it is not, and buys a plant
  drill    restarts each Deployment, deletes pods, scales up and down and drains a node under constant load

  --namespace <name>   urbanbloom
  --context <name>     the kubeconfig's current one
  --timeout <seconds>  300, for each rollout
  --url <url>          an entrance to use in place of a port forwarded to the gateway's pods
  --rate <requests/s>  20; the gateway's own rate limits see one address
  --yes                do not ask before touching a cluster that is not on this machine`

const options = {
  namespace: { type: 'string', default: 'urbanbloom' },
  context: { type: 'string' },
  timeout: { type: 'string', default: '300' },
  url: { type: 'string' },
  rate: { type: 'string', default: '20' },
  yes: { type: 'boolean', default: false },
  help: { type: 'boolean', default: false },
} as const

const say = (line: string) => console.log(line)

try {
  process.exitCode = await main()
} catch (err) {
  // A failure is written for the person at the terminal; a refusal of the API says what it refuses.
  if (err instanceof Failure) console.error(err.message)
  else if ((err as Error).name === 'ApiException') console.error(`The cluster's API: ${sentenceOf(err)}.`)
  else console.error(err)
  process.exitCode = 1
}
// A kept-alive connection to the API must not keep the process.
process.exit()

async function main(): Promise<number> {
  const { values, positionals } = readArguments()
  const [command, ...rest] = positionals
  if (values.help || command === undefined || rest.length > 0) {
    console.log(usage)
    return values.help ? 0 : 1
  }
  const limitMs = numberOf('--timeout', values.timeout) * 1_000
  const ratePerSecond = numberOf('--rate', values.rate)
  const connect = () => connectCluster({ context: values.context, namespace: values.namespace })
  const connectToTouch = async (what: string): Promise<Cluster> => {
    const cluster = await connect()
    await askConsent(cluster, what, { yes: values.yes })
    return cluster
  }
  switch (command) {
    case 'status':
      say(await describeStatus(await connect()))
      return 0
    case 'verify': {
      const cluster = await connectToTouch('registers a customer and, where cards are not real, buys a plant')
      await verify(cluster, { limitMs, url: values.url, say })
      return 0
    }
    case 'drill': {
      const cluster = await connectToTouch(
        'restarts every Deployment, deletes pods, scales up and down and drains a node',
      )
      return (await runClusterDrill(cluster, { limitMs, ratePerSecond, url: values.url, say })) ? 0 : 1
    }
    default:
      throw new Failure(`There is no command "${command}".\n\n${usage}`)
  }
}

function readArguments() {
  try {
    return parseArgs({ options, allowPositionals: true })
  } catch (err) {
    throw new Failure(`${(err as Error).message}\n\n${usage}`, { cause: err })
  }
}

function numberOf(name: string, text: string): number {
  const number = Number(text)
  if (number > 0 && Number.isFinite(number)) return number
  throw new Failure(`${name} is "${text}"; it takes a number above 0.`)
}
