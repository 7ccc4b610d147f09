import { createHash } from 'node:crypto'
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Answer, Call, SandboxContext } from './sandbox-context.ts'
import { idempotencyInUse, idempotencyMismatch, invalidRequest, StripeFailure } from './stripe-failure.ts'

type StoredAnswer = { fingerprint: string; state: string; status: number; body: string }
type Outcome = { answer: Answer; eventIds: string[]; replayed: boolean }

/**
 * Runs a POST in one store transaction under Stripe's idempotency rules: a repeated key with the same
 * parameters gets the first answer again, with other parameters an error, and while the first is still
 * running a 409. Answers of invalid parameters and of server errors are not kept.
 */
export async function answerOnce(
  ctx: SandboxContext,
  request: FastifyRequest,
  reply: FastifyReply,
  work: (call: Call) => Answer,
): Promise<unknown> {
  const key = readKey(request)
  const fingerprint = createHash('sha256')
    .update(`${request.method} ${request.url}\n${String(request.body)}`)
    .digest('hex')
  const outcome = runOnce(ctx, { requestId: request.id, key, fingerprint }, work)
  ctx.webhooks.wake()
  if (ctx.webhooks.mode === 'before_answer') await ctx.webhooks.deliverNow(outcome.eventIds)
  if (key !== null) reply.header('idempotency-key', key)
  if (outcome.replayed) reply.header('idempotent-replayed', 'true')
  if (outcome.answer === 'silent') return fallSilent(ctx, request, reply)
  return reply.code(outcome.answer.status).send(outcome.answer.body)
}

function fallSilent(ctx: SandboxContext, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  const socket = request.raw.socket
  ctx.silentSockets.add(socket)
  socket.once('close', () => ctx.silentSockets.delete(socket))
  return reply.hijack()
}

function readKey(request: FastifyRequest): string | null {
  const key = request.headers['idempotency-key']
  if (key === undefined) return null
  if (typeof key === 'string' && key.length >= 1 && key.length <= 255) return key
  throw invalidRequest('Idempotency keys may have 1 to 255 characters.')
}

type Identity = { requestId: string; key: string | null; fingerprint: string }

function runOnce(ctx: SandboxContext, identity: Identity, work: (call: Call) => Answer): Outcome {
  const { key, fingerprint } = identity
  try {
    return ctx.store.transaction(() => {
      const earlier = key === null ? null : findAnswer(ctx, key)
      if (key !== null && earlier !== null) {
        if (earlier.fingerprint !== fingerprint) throw idempotencyMismatch(key)
        if (earlier.state === 'running') throw idempotencyInUse(key)
        if (earlier.state === 'done') {
          const body: object = JSON.parse(earlier.body)
          return { answer: { status: earlier.status, body }, eventIds: [], replayed: true }
        }
      }
      const call = { requestId: identity.requestId, idempotencyKey: key, isFirstTry: !earlier, eventIds: [] }
      const answer = work(call)
      if (key !== null) saveAnswer(ctx, key, fingerprint, answer)
      return { answer, eventIds: call.eventIds, replayed: false }
    })
  } catch (error) {
    // The transaction is undone, so what has to be remembered about the failure is written apart from it.
    if (key !== null && error instanceof StripeFailure) {
      if (error.replayed) saveAnswer(ctx, key, fingerprint, { status: error.status, body: error.body })
      if (error.status >= 500) saveAnswer(ctx, key, fingerprint, null)
    }
    throw error
  }
}

function findAnswer(ctx: SandboxContext, key: string): StoredAnswer | null {
  const row = ctx.store.db
    .prepare('select fingerprint, state, status, body from answers where key = ?')
    .get(key)
  if (!row) return null
  return {
    fingerprint: String(row.fingerprint),
    state: String(row.state),
    status: Number(row.status),
    body: String(row.body),
  }
}

function saveAnswer(ctx: SandboxContext, key: string, fingerprint: string, answer: Answer | null): void {
  const state = answer === null ? 'failed' : answer === 'silent' ? 'running' : 'done'
  const [status, body] =
    answer === null || answer === 'silent' ? [null, null] : [answer.status, JSON.stringify(answer.body)]
  ctx.store.db
    .prepare('insert or replace into answers (key, fingerprint, state, status, body) values (?, ?, ?, ?, ?)')
    .run(key, fingerprint, state, status, body)
}

/** Ends the running answer of a request that was left silent. */
export function settleAnswer(
  ctx: SandboxContext,
  key: string,
  answer: { status: number; body: object },
): void {
  ctx.store.db
    .prepare("update answers set state = 'done', status = ?, body = ? where key = ? and state = 'running'")
    .run(answer.status, JSON.stringify(answer.body), key)
}
