import { unavailable } from '@urbanbloom/service-kit/errors'
import type { FastifyReply, FastifyRequest } from 'fastify'

/** A routing problem with its matrices; the same limit as the service that takes it. */
export const PROBLEM_LIMIT_BYTES = 16 * 1024 * 1024
/** A body is in memory until its answer has ended, so this many times the limit is what they may take. */
const MAX_AT_A_TIME = 4
const LARGE_BYTES = 256 * 1024

/** Admits a few large bodies at a time; small ones always. A body without a length may be large. */
export function createLargeBodies() {
  let open = 0
  return {
    admit(request: FastifyRequest, reply: FastifyReply): void {
      const { 'content-length': length, 'transfer-encoding': coding } = request.headers
      const isLarge = coding !== undefined || Number(length ?? 0) > LARGE_BYTES
      if (!isLarge) return
      if (open === MAX_AT_A_TIME) {
        const detail = `${open} large problems are under way, and more do not fit into memory; try again`
        throw unavailable('optimizer_busy', detail, { retryAfterSeconds: 5 })
      }
      open += 1
      reply.raw.once('close', () => (open -= 1))
    },
  }
}
