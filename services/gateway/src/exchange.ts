import type { ServerResponse } from 'node:http'
import { badGateway, invalid, type ServiceError, timeout, unavailable } from '@urbanbloom/service-kit/errors'
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Dispatcher } from 'undici'
import { headersForClient, headersForService } from './proxy-headers.ts'
import { noteUnreachable, type Replica, type Upstream } from './upstream.ts'

type Controller = Dispatcher.DispatchController
type Headers = Record<string, string | string[] | undefined>

export type ExchangeOptions = {
  upstream: Upstream
  timeoutMs: number
  stream: boolean
  /** Server-sent events that end with the answer, within the deadline: a stop waits for them. */
  endsByItself: boolean
  onFailure: (reason: string) => void
  /** The server-sent events that are open, which a stop has to end because they do not end by themselves. */
  openStreams: Set<Exchange>
}

const MAX_TRIES = 3
/** In a 503: the process stops and has done nothing, so that any request may go to another one. */
const NOT_BEGUN = 'x-not-begun'
/** A reader of events that takes nothing for this long is gone, or may come back and resume. */
const STALLED_READER_MS = 30_000

/**
 * One request on its way to a service and the answer on its way back. It is undici's own handler and writes to
 * the client's socket directly, because a stream between the two would double the cost. Exactly one of `#fail`,
 * the end of the answer and the client's leaving ends it; what comes later is ignored.
 */
export class Exchange implements Dispatcher.DispatchHandler {
  readonly #request: FastifyRequest
  readonly #reply: FastifyReply
  readonly #response: ServerResponse
  readonly #options: ExchangeOptions
  readonly #pool: 'requests' | 'streams'
  readonly #tried: Replica[] = []
  #tries = 0
  #deadlineAt = 0
  #controller: Controller | null = null
  /** Of a try that was refused before it was begun, and whose end is of no interest any more. */
  #refused: Controller | null = null
  #timer: NodeJS.Timeout | undefined
  #sent = false
  #answering = false
  #repeated = false
  #done = false

  constructor(request: FastifyRequest, reply: FastifyReply, options: ExchangeOptions) {
    this.#request = request
    this.#reply = reply
    this.#response = reply.raw
    this.#options = options
    this.#pool = options.stream ? 'streams' : 'requests'
  }

  start(): void {
    const { upstream, timeoutMs } = this.#options
    upstream.enter(this.#pool)
    this.#deadlineAt = performance.now() + timeoutMs
    this.#timer = setTimeout(() => this.#expire(), timeoutMs)
    this.#response.once('close', () => this.#clientLeft())
    this.#try()
  }

  /** Ends an open stream in good order; its client connects again, to another process. */
  endStream(): void {
    if (this.#done) return
    this.#response.end()
    this.#finish()
    this.#controller?.abort(new Error('the gateway is stopping'))
  }

  #try(): void {
    const { upstream } = this.#options
    const replica = upstream.next(this.#tried)
    if (replica === null) {
      this.#fail(
        'unreachable',
        unavailable('service_unavailable', `${upstream.name} is not available; try again`),
      )
      return
    }
    this.#tried.push(replica)
    this.#tries += 1
    this.#sent = false
    const { method, url } = this.#request.raw
    const body = this.#request.body as Buffer | undefined
    replica[this.#pool].dispatch(
      {
        method: method as Dispatcher.HttpMethod,
        path: url as string,
        headers: headersForService(this.#request, Math.ceil(this.#deadlineAt - performance.now())),
        body: body === undefined || body.length === 0 ? null : body,
      },
      this,
    )
  }

  onRequestStart(controller: Controller): void {
    this.#controller = controller
    this.#sent = true
    // It may have waited for a connection until nobody waited for it any more.
    if (this.#done) controller.abort(new Error('nobody waits for the answer'))
  }

  onResponseStart(controller: Controller, status: number, headers: Headers): void {
    if (status < 200 || this.#done) return
    const type = String(headers['content-type'] ?? '')
    if (status === 503 && headers[NOT_BEGUN] !== undefined && !this.#repeated) {
      this.#repeated = true
      this.#refused = controller
      controller.abort(new Error('another process is asked'))
      if (this.#tried.length >= this.#options.upstream.replicaCount) this.#tried.length = 0
      this.#try()
      return
    }
    if (status >= 500 && !type.startsWith('application/problem+json')) {
      this.#fail(`status_${status}`, this.#ownFailure(status, headers))
      controller.abort(new Error('the answer is replaced'))
      return
    }
    this.#answering = true
    this.#reply.hijack()
    const own = this.#reply.getHeaders()
    this.#response.writeHead(status, headersForClient(headers, own))
    if (type.startsWith('text/event-stream')) {
      this.#response.flushHeaders()
      if (this.#options.endsByItself) return
      this.#disarm()
      this.#options.openStreams.add(this)
    }
  }

  onResponseData(controller: Controller, chunk: Buffer): void {
    if (this.#done || this.#response.write(chunk)) return
    controller.pause()
    const stalled = setTimeout(() => this.#response.destroy(), STALLED_READER_MS)
    const resume = () => {
      clearTimeout(stalled)
      this.#response.off('drain', resume).off('close', resume)
      controller.resume()
    }
    this.#response.on('drain', resume).on('close', resume)
  }

  onResponseEnd(): void {
    if (this.#done) return
    this.#response.end()
    this.#finish()
  }

  onResponseError(controller: Controller, err: Error): void {
    if (this.#done || controller === this.#refused) return
    const replica = this.#tried.at(-1) as Replica
    const { upstream } = this.#options
    if (this.#answering) {
      // The status is on its way already; a broken connection is the only sign left that the rest is missing.
      this.#options.onFailure('broken_answer')
      this.#finish()
      this.#response.destroy()
    } else if ((err as { code?: string }).code === 'UND_ERR_INVALID_ARG') {
      // It cannot be written as HTTP; the replica has no part in that.
      this.#fail('invalid', invalid('malformed_request', 'A header of the request is not valid'))
    } else if (!this.#sent) {
      noteUnreachable(replica, err)
      // Behind one address there may be several processes, and the next connection may meet another one.
      if (this.#tried.length >= upstream.replicaCount) this.#tried.length = 0
      if (this.#tries < MAX_TRIES) this.#try()
      else this.#fail('unreachable', unavailable('service_unavailable', `${upstream.name} is not available`))
    } else if (this.#mayRepeat()) {
      // With one replica, the same again: an idle connection may have closed under the request.
      if (this.#tried.length >= upstream.replicaCount) this.#tried.length = 0
      this.#repeated = true
      this.#try()
    } else {
      const detail = `${upstream.name} broke off; the request may have been carried out`
      this.#fail('broken', badGateway('bad_gateway', detail, { cause: err }))
    }
  }

  /** Only what changes nothing is sent twice. */
  #mayRepeat(): boolean {
    const { method } = this.#request
    return !this.#repeated && (method === 'GET' || method === 'HEAD')
  }

  #ownFailure(status: number, headers: Headers): ServiceError {
    const { name } = this.#options.upstream
    if (status === 503) {
      const seconds = Number(headers['retry-after'])
      const retryAfterSeconds = Number.isFinite(seconds) && seconds > 0 ? seconds : 1
      return unavailable('service_unavailable', `${name} is not available; try again`, { retryAfterSeconds })
    }
    if (status === 504) return timeout('gateway_timeout', `${name} did not answer in time`)
    return badGateway('bad_gateway', `${name} gave no usable answer`)
  }

  #expire(): void {
    const { upstream, timeoutMs } = this.#options
    if (this.#answering) {
      this.#options.onFailure('timeout')
      this.#finish()
      this.#response.destroy()
    } else {
      const detail = `${upstream.name} did not answer within ${timeoutMs} ms`
      this.#fail('timeout', timeout('gateway_timeout', detail))
    }
    this.#controller?.abort(new Error('the deadline is over'))
  }

  #clientLeft(): void {
    if (this.#done) return
    this.#finish()
    this.#controller?.abort(new Error('the client has left'))
  }

  #fail(reason: string, error: ServiceError): void {
    this.#options.onFailure(reason)
    this.#finish()
    this.#reply.send(error)
  }

  #finish(): void {
    this.#done = true
    this.#disarm()
    this.#options.openStreams.delete(this)
    this.#options.upstream.leave(this.#pool)
  }

  #disarm(): void {
    clearTimeout(this.#timer)
  }
}
