import { type Logger, type LoggerOptions, pino } from 'pino'
import type { LogFields } from './log-fields.ts'
import { currentContext, traceIdOf } from './request-context.ts'

type Level = 'fatal' | 'error' | 'warn' | 'info' | 'debug' | 'trace'

// As a method, because Fastify's own type of a logger takes any object.
type Write = { write(fields: LogFields, message: string): void; write(message: string): void }['write']

/** Pino's logger, which takes the fields of `LogFields` and no others. */
export type Log = Omit<Logger, Level> & Readonly<Record<Level, Write>>

/** Lines are written together, because a system call for each would cost more than all the rest of logging. */
const BUFFER_BYTES = 4_096
const FLUSH_MS = 100

/**
 * JSON lines on stdout. Every line of a request carries its `requestId` and `traceId`. Lines wait at most 100 ms, and
 * what waits is written when the process exits; only SIGKILL loses it.
 */
export function createLog(service: string, level: string): Log {
  const destination = pino.destination({ fd: 1, sync: false, minLength: BUFFER_BYTES })
  setInterval(() => destination.flush(), FLUSH_MS).unref()
  const options = loggerOptions(service, level)
  return pino(options, destination)
}

/** Why a process ends before its log is there: JSON lines of the same form on stderr, written at once. */
export function createLastWordsLog(service: string): Log {
  return pino(loggerOptions(service, 'info'), pino.destination({ fd: 2, sync: true }))
}

function loggerOptions(service: string, level: string): LoggerOptions {
  return {
    level,
    base: { service },
    timestamp: () => `,"time":"${new Date().toISOString()}"`,
    formatters: { level: (label) => ({ level: label }) },
    mixin: () => {
      const context = currentContext()
      if (context === undefined) return {}
      return { requestId: context.requestId, traceId: traceIdOf(context.traceparent) }
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
  }
}
