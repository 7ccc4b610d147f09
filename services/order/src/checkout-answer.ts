import { type ServiceError, toProblem, unavailable } from '@urbanbloom/service-kit/errors'
import { currentContext } from '@urbanbloom/service-kit/request-context'
import type { StoredAnswer } from './answer-store.ts'
import type { OrderContext } from './context.ts'
import { errorFrom, type Order, toPublicOrder } from './order.ts'
import { findOrder } from './order-store.ts'

/** What a checkout answers for an order in its present state. */
export function answerOf(order: Order): StoredAnswer {
  if (order.rejection !== null) return problemAnswer(errorFrom(order.rejection))
  const waiting = order.status === 'pending' || order.status === 'payment_action_required'
  return {
    status: waiting ? 202 : 201,
    body: {
      order: toPublicOrder(order),
      ...(order.nextAction === null ? {} : { nextAction: order.nextAction }),
    },
  }
}

/** The same for an order that another process has moved on. */
export async function currentAnswer(ctx: OrderContext, id: string): Promise<StoredAnswer> {
  const order = await findOrder(ctx.db, id)
  if (order === null) throw new Error(`The order ${id} has vanished`)
  return answerOf(order)
}

export function problemAnswer(error: ServiceError): StoredAnswer {
  return { status: error.status, body: toProblem(error, currentContext()?.requestId ?? '', '/v1/checkout') }
}

/** Nothing was charged and the key is free again, so the customer may simply send the request once more. */
export function interrupted(): ServiceError {
  return unavailable(
    'checkout_interrupted',
    'The order could not be completed and nothing was charged; try again',
  )
}
