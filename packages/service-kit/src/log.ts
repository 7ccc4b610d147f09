import { pino } from 'pino'
import { currentContext } from './request-context.ts'

export type Log = ReturnType<typeof createLog>

/** JSON lines on stdout. Every line of a request carries its `requestId` and `traceId`. */
export function createLog(service: string, level: string) {
  return pino({
    level,
    base: { service },
    timestamp: () => `,"time":"${new Date().toISOString()}"`,
    formatters: { level: (label) => ({ level: label }) },
    mixin: () => {
      const context = currentContext()
      if (context === undefined) return {}
      return { requestId: context.requestId, traceId: context.traceparent.slice(3, 35) }
    },
    // A second net: no line is meant to carry these, and no service logs bodies or headers.
    redact: {
      paths: [
        'email',
        'password',
        'token',
        'authorization',
        'address',
        '*.email',
        '*.password',
        '*.token',
        '*.address',
        // Postgres quotes the row that it refused.
        'err.detail',
        'err.where',
        'err.cause.detail',
        'cause.detail',
        'cause.where',
      ],
      censor: '[redacted]',
    },
  })
}
