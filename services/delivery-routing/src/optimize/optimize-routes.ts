import { pathOf } from '@urbanbloom/service-kit/error-handler'
import { invalid, ServiceError, toProblem, unavailable } from '@urbanbloom/service-kit/errors'
import { bearer, problems } from '@urbanbloom/service-kit/openapi'
import type { App } from '@urbanbloom/service-kit/server'
import type { FastifyReply, FastifyRequest } from 'fastify'
import * as z from 'zod'
import type { Context } from '../context.ts'
import { OptimizeAnswer } from './answer.ts'
import {
  BODY_LIMIT_MIB,
  MAX_BREAKS,
  MAX_LOCATIONS,
  MAX_TASKS,
  MAX_VEHICLES,
  OPTIMIZE_BODY_LIMIT_BYTES,
} from './limits.ts'
import type { WorkerResult } from './optimize-job.ts'
import { tooLarge } from './optimizer-pool.ts'
import { openProgress } from './progress-stream.ts'
import { OptimizeBody } from './request-schema.ts'

const description = `A routing problem in the vocabulary of [VROOM's API](https://github.com/VROOM-Project/vroom/blob/master/docs/API.md), version 1.15, and its answer, so that a VROOM client can be pointed here. Names are VROOM's snake_case; ours are \`options\` in camelCase, and \`reason\` and \`detail\` of what is left out.

**Deadline.** \`options.timeLimitMs\` (or VROOM's \`l\`, in seconds) counts from the arrival of the request, waiting for a thread included; a request whose turn comes too late is a 503. The plan is the best found by then. With \`Accept: text/event-stream\` the answer is a stream: \`progress\` \`{cost, elapsedMs}\` for better plans, at most five a second, then \`answer\` (or \`problem\`).

**Plan mode** (\`options.mode: "plan"\` or \`options.c\`): \`vehicles[].steps\` are timed as they stand, and \`violations\` say what they break. In solving mode \`steps\` must be feasible, and the answer is never worse than them.

**Limits.** ${BODY_LIMIT_MIB} MiB, ${MAX_TASKS} tasks (a shipment is two), ${MAX_VEHICLES} vehicles, ${MAX_LOCATIONS} locations, ${MAX_BREAKS} breaks each.

**Different from VROOM.** Without matrices, travel times come from the road network where one is configured, else from great circles with a detour; the only profile is then \`car\`, for an average hour. Matrices must hold \`durations\`, and \`distances\` where \`per_km\` or \`max_distance\` need them. \`g\` adds straight lines as \`geometry\`. Refused in solving mode: a break's \`max_load\` below the capacity, different \`per_task_hour\`, vehicles whose distances or cost matrices differ and matter. Tasks that share a place and have a \`setup\` and windows are planned with windows shorter by the setup.`

/** `POST /v1/optimize`. Its bodies are large, so they are parsed in the thread that works on them. */
export function registerOptimizeRoutes(app: App, ctx: Context): void {
  void app.register(async (routes: App) => {
    routes.removeAllContentTypeParsers()
    routes.addContentTypeParser('application/json', { parseAs: 'buffer' }, (_request, body, done) =>
      done(null, body),
    )
    routes.post(
      '/v1/optimize',
      {
        onRequest: ctx.auth.require('ops'),
        bodyLimit: OPTIMIZE_BODY_LIMIT_BYTES,
        validatorCompiler: () => (value) => ({ value }),
        schema: {
          summary: 'Solve a routing problem',
          description,
          tags: ['Optimizer'],
          security: bearer,
          body: OptimizeBody,
          response: {
            200: {
              description: 'The plan; or its progress and the plan, as a stream',
              content: {
                'application/json': { schema: OptimizeAnswer },
                'text/event-stream': { schema: z.string() },
              },
            },
            ...problems({
              400: '`validation_failed` with the path of every fault (up to 100), `invalid_json`',
              413: '`body_too_large`, `problem_too_large`',
              503: '`optimizer_busy`, `optimizer_overrun`, `shutting_down`',
            }),
          },
        },
      },
      (request, reply) => optimize(ctx, request as FastifyRequest, reply as unknown as FastifyReply),
    )
  })
}

async function optimize(ctx: Context, request: FastifyRequest, reply: FastifyReply) {
  const body = request.body as Buffer | undefined
  if (body === undefined || body.length === 0)
    throw invalid('invalid_json', 'The body is empty; send a problem as JSON')
  const left = new AbortController()
  reply.raw.once('close', () => {
    if (!reply.raw.writableFinished) left.abort()
  })
  if (reply.raw.destroyed) left.abort()
  const wantsStream = request.headers.accept?.includes('text/event-stream') ?? false
  const progress = wantsStream ? openProgress(request, reply) : null
  try {
    const text = await answerTo(ctx, request, {
      body,
      signal: left.signal,
      ...(progress !== null && { onBegun: progress.begin, onProgress: progress.report }),
    })
    if (progress?.hasBegun()) return progress.end('answer', text)
    return reply.type('application/json; charset=utf-8').send(text)
  } catch (error) {
    // The gateway may give it to another process.
    if (error instanceof ServiceError && error.code === 'shutting_down') reply.header('x-not-begun', '1')
    if (!progress?.hasBegun()) throw error
    const known = error as ServiceError
    ctx.log.warn({ err: error, requestId: request.context.requestId }, 'a stream of an optimization failed')
    return progress.end(
      'problem',
      JSON.stringify(toProblem(known, request.context.requestId, pathOf(request))),
    )
  }
}

async function answerTo(
  ctx: Context,
  request: FastifyRequest,
  job: Parameters<Context['optimizer']['run']>[0],
) {
  const { jobs, seconds, tasks, wrong } = ctx.optimizer.metrics
  let result: WorkerResult
  try {
    result = await ctx.optimizer.run(job)
  } catch (error) {
    jobs.inc({ outcome: error instanceof ServiceError ? error.code : 'internal_error' })
    throw error
  }
  jobs.inc({ outcome: result.kind })
  switch (result.kind) {
    case 'answered':
      seconds.observe(result.solvingMs / 1_000)
      tasks.inc({ outcome: 'served' }, result.tasks - result.unassigned)
      tasks.inc({ outcome: 'unassigned' }, result.unassigned)
      return result.text
    case 'refused':
      throw invalid(result.code, result.detail, result.faults && { errors: [...result.faults] })
    case 'too_large':
      throw tooLarge()
    case 'late': {
      const detail = 'The request waited for a thread for longer than its time limit; try again'
      throw unavailable('optimizer_busy', detail, { retryAfterSeconds: 5 })
    }
    case 'wrong': {
      wrong.inc()
      const { fingerprint, detail } = result
      const { requestId } = request.context
      ctx.log.error({ requestId, fingerprint, detail }, 'an answer did not pass its check and was withheld')
      throw new ServiceError(
        'internal',
        'internal_error',
        'Something went wrong on our side; the request id finds it in our logs',
      )
    }
  }
}
