import {
  Counter,
  collectDefaultMetrics,
  Gauge,
  Histogram,
  type OpenMetricsContentType,
  Registry,
} from 'prom-client'
import type { Sampled } from './sampled.ts'

export type Metrics = ReturnType<typeof createMetrics>

/** One request that was answered, or whose client has gone. */
export type ObservedRequest = {
  method: string
  /** The pattern, never the path: the values of a label have to stay few. */
  route: string
  status: number
  seconds: number
  traceId: string
}

/** The edges 0.25, 0.5 and 1 are the objectives of the SLOs in `prometheus/rules`. */
const REQUEST_BUCKETS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10]

const TEXT_TYPE = Registry.PROMETHEUS_CONTENT_TYPE
const OPEN_METRICS_TYPE = Registry.OPENMETRICS_CONTENT_TYPE

const usedMethods = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'])

/** One registry for each service instance, with Node's own figures and RED for each route pattern. */
export function createMetrics(service: string) {
  // The format cannot change later, because the library then loses the ending of its counters' names.
  const registry = new Registry<OpenMetricsContentType>()
  registry.setContentType(OPEN_METRICS_TYPE)
  registry.setDefaultLabels({ service })
  collectDefaultMetrics({ register: registry })
  const { requests, requestDuration } = requestMetrics(registry)
  return {
    /** What Prometheus reads: OpenMetrics with exemplars where it is asked for, else the older text format. */
    async expose(accept: string | undefined): Promise<{ type: string; text: string }> {
      const text = await registry.metrics()
      if (accept?.includes('application/openmetrics-text')) return { type: OPEN_METRICS_TYPE, text }
      return { type: TEXT_TYPE, text: toPlainText(text) }
    },
    observeRequest({ method, route, status, seconds, traceId }: ObservedRequest): void {
      const labels = { method: usedMethods.has(method) ? method : 'other', route }
      requests.inc({ ...labels, status })
      requestDuration.observe({ labels, value: seconds, exemplarLabels: { trace_id: traceId } })
    },
    counter<Label extends string>(name: string, help: string, labelNames: readonly Label[] = []) {
      return new Counter({ name, help, labelNames: [...labelNames], registers: [registry] })
    },
    histogram<Label extends string>(
      name: string,
      help: string,
      buckets: number[],
      labelNames: readonly Label[] = [],
    ) {
      return new Histogram({ name, help, buckets, labelNames: [...labelNames], registers: [registry] })
    },
    /** A gauge that is read when Prometheus asks; `read` must cost nothing, see `sampled` for what does. */
    gauge<Label extends string>(
      name: string,
      help: string,
      labelNames: readonly Label[],
      read: (gauge: Gauge<Label>) => void | Promise<void>,
    ) {
      return new Gauge({
        name,
        help,
        labelNames: [...labelNames],
        registers: [registry],
        collect() {
          return read(this)
        },
      })
    },
    /** A gauge of figures that have to be asked for. Without a reading it has no series. */
    sampled<T, Label extends string>(
      name: string,
      help: string,
      labelNames: readonly Label[],
      sample: Sampled<T>,
      write: (gauge: Gauge<Label>, reading: T) => void,
    ) {
      this.gauge(name, help, labelNames, async (gauge) => {
        const reading = await sample()
        gauge.reset()
        if (reading !== undefined) write(gauge, reading)
        // Without labels a reset leaves a zero, which would look like a reading.
        else if (labelNames.length === 0) gauge.remove()
      })
    },
  }
}

function requestMetrics(registry: Registry<OpenMetricsContentType>) {
  return {
    requests: new Counter({
      name: 'http_requests_total',
      help: 'Requests answered, by route pattern and status',
      labelNames: ['method', 'route', 'status'] as const,
      registers: [registry],
    }),
    // The library's types count the labels of exemplars among the histogram's own.
    requestDuration: new Histogram<'method' | 'route' | 'trace_id'>({
      name: 'http_request_duration_seconds',
      help: 'Time from the first byte of a request to the end of its answer',
      labelNames: ['method', 'route'],
      buckets: REQUEST_BUCKETS,
      enableExemplars: true,
      registers: [registry],
    }),
  }
}

/** OpenMetrics names a counter without `_total` in its description, has exemplars, and says where it ends. */
function toPlainText(openMetrics: string): string {
  return openMetrics
    .replaceAll(/^# HELP (\S+) (.*)\n# TYPE \1 counter$/gm, '# HELP $1_total $2\n# TYPE $1_total counter')
    .replaceAll(/ # \{[^}\n]*\} \S+ \S+$/gm, '')
    .replace(/# EOF\n$/, '')
}
