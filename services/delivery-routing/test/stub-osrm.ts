import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'

type Answer = { status?: number; headers?: Record<string, string>; body?: unknown; never?: boolean }
type Request = { sources: number[]; destinations: number[]; places: string[]; path: string }

/**
 * A stand-in for osrm-routed that follows the table service of its HTTP API: coordinates in the path, `sources` and
 * `destinations` as indices, `annotations`, errors as `{code, message}` with status 400, and its limit on the size
 * of a table.
 */
export async function startStubOsrm({ maxTableSize = 100 } = {}) {
  const requests: Request[] = []
  /** What to do instead for a request; an answer for each, the first one first. */
  const script: ((request: Request) => Answer)[] = []
  let always: ((request: Request) => Answer | undefined) | undefined

  const server = createServer((request, response) => {
    const given = parse(request.url ?? '')
    if (typeof given === 'string') return send({ status: 400, body: { code: given, message: given } })
    requests.push(given)
    const answer = script.shift()?.(given) ?? always?.(given) ?? table(given)
    if (answer.never === true) return
    send(answer)

    function send({ status = 200, headers = {}, body }: Answer) {
      response.writeHead(status, { 'content-type': 'application/json', ...headers })
      response.end(typeof body === 'string' ? body : JSON.stringify(body ?? {}))
    }
  })

  function table({ sources, destinations, places }: Request): Answer {
    if (sources.length * destinations.length > maxTableSize ** 2) {
      return { status: 400, body: { code: 'TooBig', message: 'Too many table coordinates' } }
    }
    const cells = (scale: number) =>
      sources.map((a) => destinations.map((b) => roadSeconds(places[a] ?? '', places[b] ?? '') * scale))
    const waypoint = (index: number) => ({ location: (places[index] ?? '').split(',').map(Number), name: '' })
    return {
      body: {
        code: 'Ok',
        durations: cells(1),
        distances: cells(8.3),
        sources: sources.map(waypoint),
        destinations: destinations.map(waypoint),
      },
    }
  }

  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    next: (...answers: ((request: Request) => Answer)[]) => void script.push(...answers),
    answerAlways: (answer: typeof always) => {
      always = answer
    },
    table,
    async close() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

/** Seconds from one `longitude,latitude` to another, longer eastwards than westwards, so that order matters. */
export function roadSeconds(from: string, to: string): number {
  const [x1 = 0, y1 = 0] = from.split(',').map(Number)
  const [x2 = 0, y2 = 0] = to.split(',').map(Number)
  if (from === to) return 0
  return Math.round((Math.abs(x1 - x2) + Math.abs(y1 - y2)) * 10_000 + (x2 > x1 ? 7 : 0)) + 0.4
}

function parse(url: string): Request | string {
  const { pathname, searchParams } = new URL(url, 'http://osrm')
  const [, service, version, profile, coordinates = ''] = pathname.split('/')
  if (service !== 'table') return 'InvalidService'
  if (version !== 'v1') return 'InvalidVersion'
  if (profile !== 'driving') return 'InvalidUrl'
  const places = decodeURIComponent(coordinates).split(';')
  if (places.length < 2 || !places.every((place) => /^-?\d+(\.\d+)?,-?\d+(\.\d+)?$/.test(place))) {
    return 'InvalidQuery'
  }
  for (const name of searchParams.keys()) {
    if (!['annotations', 'sources', 'destinations', 'generate_hints'].includes(name)) return 'InvalidOptions'
  }
  if (searchParams.get('annotations') !== 'duration,distance') return 'InvalidOptions'
  const indices = (name: string) => (searchParams.get(name) ?? '').split(';').map(Number)
  const request = {
    places,
    path: url,
    sources: indices('sources'),
    destinations: indices('destinations'),
  }
  const isKnown = (index: number) => Number.isInteger(index) && index >= 0 && index < places.length
  return [...request.sources, ...request.destinations].every(isKnown) ? request : 'InvalidValue'
}
