import { ROOT_CONTEXT, type Span as SdkSpan, SpanKind, SpanStatusCode, trace } from '@opentelemetry/api'
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http'
import { resourceFromAttributes } from '@opentelemetry/resources'
import { AlwaysOnSampler, BatchSpanProcessor, TracerProvider } from '@opentelemetry/sdk-trace'
import type { Span, Tracer } from './tracing.ts'

const EXPORT_TIMEOUT_MS = 3_000
const EXPORT_EVERY_MS = 1_000
/** What a collector that is away costs in memory: the spans beyond it are dropped. */
const QUEUE_MAX = 4_096

const kinds = {
  server: SpanKind.SERVER,
  client: SpanKind.CLIENT,
  producer: SpanKind.PRODUCER,
  consumer: SpanKind.CONSUMER,
} as const

/** OpenTelemetry's own SDK behind the few calls that we need. Whether a trace is recorded was decided before. */
export function createOpenTelemetry(service: string, endpoint: string): Tracer {
  const exporter = new OTLPTraceExporter({
    url: `${endpoint.replace(/\/$/, '')}/v1/traces`,
    timeoutMillis: EXPORT_TIMEOUT_MS,
  })
  const provider = new TracerProvider({
    resource: resourceFromAttributes({
      'service.name': service,
      'service.namespace': 'urbanbloom',
      'service.instance.id': crypto.randomUUID(),
    }),
    sampler: new AlwaysOnSampler(),
    spanProcessors: [
      new BatchSpanProcessor({
        exporter,
        scheduledDelayMillis: EXPORT_EVERY_MS,
        exportTimeoutMillis: EXPORT_TIMEOUT_MS,
        maxQueueSize: QUEUE_MAX,
      }),
    ],
  })
  const tracer = provider.getTracer('@urbanbloom/service-kit')
  return {
    start(name, { kind, parent, attributes }) {
      const above = trace.setSpanContext(ROOT_CONTEXT, {
        traceId: parent.slice(3, 35),
        spanId: parent.slice(36, 52),
        traceFlags: 1,
        isRemote: true,
      })
      return toSpan(tracer.startSpan(name, { kind: kinds[kind], attributes }, above))
    },
    // A collector that is away must not make a stop fail.
    close: () => provider.shutdown().catch(() => undefined),
  }
}

function toSpan(span: SdkSpan): Span {
  const { traceId, spanId } = span.spanContext()
  return {
    traceparent: `00-${traceId}-${spanId}-01`,
    end({ failure, attributes } = {}) {
      if (attributes !== undefined) span.setAttributes(attributes)
      if (failure !== undefined) {
        // The kind of error alone: a message may quote what nobody should read.
        const type = failure instanceof Error ? failure.name : 'error'
        span.setStatus({ code: SpanStatusCode.ERROR, message: type })
        span.setAttribute('error.type', type)
      }
      span.end()
    },
  }
}
