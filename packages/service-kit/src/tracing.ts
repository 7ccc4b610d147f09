import { currentContext } from './request-context.ts'

export type SpanKind = 'server' | 'client' | 'producer' | 'consumer'

/** Something that takes time and belongs to a trace. */
export type Span = {
  /** What is caused by it carries this. */
  readonly traceparent: string
  /** Ends it; with `failure` it counts as failed. Further calls change nothing. */
  end(outcome?: { failure?: unknown; attributes?: Attributes }): void
}

export type Attributes = Readonly<Record<string, string | number>>

export type Tracer = {
  start(name: string, options: { kind: SpanKind; parent: string; attributes: Attributes }): Span
  close(): Promise<void>
}

export type TracingConfig = {
  /** Where OTLP over HTTP is taken, such as `http://127.0.0.1:4318`. */
  endpoint: string
  /** The part of the traces that begin here and are recorded, from 0 to 1. */
  ratio: number
}

/** One for the whole process, as its connections and its queue are one. Undefined while tracing is off. */
let tracer: Tracer | undefined
let ratio = 0

/**
 * Turns tracing on where an endpoint is configured. Only then OpenTelemetry is loaded.
 * @returns a function that sends what is left, within a few seconds, and turns tracing off.
 */
export async function startTracing(
  service: string,
  config: TracingConfig | undefined,
): Promise<() => Promise<void>> {
  if (config === undefined) return async () => undefined
  const { createOpenTelemetry } = await import('./tracing-sdk.ts')
  const started = createOpenTelemetry(service, config.endpoint)
  tracer = started
  ratio = config.ratio
  return async () => {
    if (tracer === started) tracer = undefined
    await started.close()
  }
}

const SAMPLED = '01'

/**
 * Decides at the entrance whether a trace is recorded, by its id alone, so that every entrance decides alike. What a
 * client asks for does not count, because recording costs us and not the client.
 */
export function decideSampling(traceparent: string): string {
  if (tracer === undefined) return traceparent
  const head = traceparent.slice(0, -2)
  const share = Number.parseInt(traceparent.slice(27, 35), 16) / 2 ** 32
  return `${head}${share < ratio ? SAMPLED : '00'}`
}

/**
 * Begins a span below `parent`, or below the context at work.
 * @returns undefined where nothing is recorded, which costs next to nothing.
 */
export function startSpan(
  name: string | (() => string),
  kind: SpanKind,
  { parent, attributes = {} }: { parent?: string | undefined; attributes?: Attributes } = {},
): Span | undefined {
  if (tracer === undefined) return undefined
  const above = parent ?? currentContext()?.traceparent
  if (above === undefined || !above.endsWith(SAMPLED)) return undefined
  return tracer.start(typeof name === 'string' ? name : name(), { kind, parent: above, attributes })
}

/** Ends the span of an HTTP request; only our own faults count as failures. */
export function endHttpSpan(span: Span | undefined, status: number, attributes: Attributes = {}): void {
  span?.end({
    ...(status >= 500 && { failure: `status ${status}` }),
    attributes: { ...attributes, 'http.response.status_code': status },
  })
}

/** Runs `work` in a span, and gives what it gives. */
export async function inSpan<T>(
  name: string | (() => string),
  kind: SpanKind,
  attributes: Attributes,
  work: () => Promise<T>,
): Promise<T> {
  const span = startSpan(name, kind, { attributes })
  if (span === undefined) return work()
  try {
    const result = await work()
    span.end()
    return result
  } catch (failure) {
    span.end({ failure })
    throw failure
  }
}
