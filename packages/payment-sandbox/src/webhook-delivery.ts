import { createHmac } from 'node:crypto'
import type { SandboxConfig } from './config.ts'
import type { SandboxStore } from './sandbox-store.ts'
import { unixSeconds } from './stripe-objects.ts'

export type DeliveryLog = { warn(fields: object, message: string): void }

type Delivery = { seq: number; eventId: string; tries: number }

const REQUEST_TIMEOUT_MS = 10_000
const MAX_PARALLEL = 16

/** Sends events, signed, with bounded tries; what is undelivered survives a restart. */
export function createWebhookDelivery(
  config: SandboxConfig,
  store: SandboxStore,
  log: DeliveryLog,
  url: () => string,
) {
  const inFlight = new Map<number, Promise<void>>()
  const stopped = new AbortController()
  let timer: NodeJS.Timeout | undefined

  /** Starts what is due and sets the alarm for what comes next. */
  function wake(): void {
    if (stopped.signal.aborted) return
    for (const delivery of dueDeliveries(store)) {
      if (inFlight.size >= MAX_PARALLEL) break
      void deliver(delivery)
    }
    clearTimeout(timer)
    const next = nextDueMs(store, [...inFlight.keys()])
    if (next === null || inFlight.size >= MAX_PARALLEL) return
    timer = setTimeout(wake, Math.max(5, next - Date.now()))
  }

  function deliver(delivery: Delivery): Promise<void> {
    const running = inFlight.get(delivery.seq)
    if (running) return running
    const started = attempt(delivery).finally(() => {
      inFlight.delete(delivery.seq)
      wake()
    })
    inFlight.set(delivery.seq, started)
    return started
  }

  async function attempt(delivery: Delivery): Promise<void> {
    const body = JSON.stringify(store.get('event', delivery.eventId))
    const problem = await post(url(), body, sign(body, config.webhookSecret), stopped.signal)
    if (stopped.signal.aborted) return
    const pauseMs = config.webhookRetryDelaysMs[delivery.tries]
    if (problem !== null && pauseMs !== undefined) {
      store.db
        .prepare('update deliveries set tries = tries + 1, due_ms = ? where seq = ?')
        .run(Date.now() + pauseMs, delivery.seq)
      return
    }
    if (problem !== null)
      log.warn({ eventId: delivery.eventId, problem }, 'webhook given up after its last try')
    store.db.prepare('delete from deliveries where seq = ?').run(delivery.seq)
  }

  return {
    wake,
    enqueue(eventId: string, delayMs: number): void {
      store.db
        .prepare('insert into deliveries (event_id, tries, due_ms) values (?, 0, ?)')
        .run(eventId, Date.now() + delayMs)
    },
    /** One try for each delivery of these events, finished when this resolves. */
    async deliverNow(eventIds: string[]): Promise<void> {
      await Promise.all(eventIds.flatMap((id) => deliveriesOf(store, id)).map(deliver))
    },
    async close(): Promise<void> {
      clearTimeout(timer)
      stopped.abort()
      await Promise.all(inFlight.values())
    },
  }
}

/** Null when the receiver took it, else what went wrong. */
async function post(
  url: string,
  body: string,
  signature: string,
  stopped: AbortSignal,
): Promise<string | null> {
  try {
    const response = await fetch(url, {
      method: 'POST',
      headers: { 'content-type': 'application/json; charset=utf-8', 'stripe-signature': signature },
      body,
      signal: AbortSignal.any([stopped, AbortSignal.timeout(REQUEST_TIMEOUT_MS)]),
    })
    await response.body?.cancel()
    return response.ok ? null : `the receiver answered ${response.status}`
  } catch (error) {
    return `no answer: ${error instanceof Error ? error.message : String(error)}`
  }
}

/** The `Stripe-Signature` header: HMAC-SHA256 of the time of signing and the raw body. */
export function sign(body: string, secret: string, seconds = unixSeconds()): string {
  return `t=${seconds},v1=${createHmac('sha256', secret).update(`${seconds}.${body}`).digest('hex')}`
}

function dueDeliveries(store: SandboxStore): Delivery[] {
  return store.db
    .prepare('select seq, event_id, tries from deliveries where due_ms <= ? order by seq limit ?')
    .all(Date.now(), MAX_PARALLEL * 2)
    .map(toDelivery)
}

function deliveriesOf(store: SandboxStore, eventId: string): Delivery[] {
  return store.db
    .prepare('select seq, event_id, tries from deliveries where event_id = ? order by seq')
    .all(eventId)
    .map(toDelivery)
}

function nextDueMs(store: SandboxStore, except: number[]): number | null {
  const row = store.db
    .prepare('select min(due_ms) as due_ms from deliveries where seq not in (select value from json_each(?))')
    .get(JSON.stringify(except))
  return row === undefined || row.due_ms === null ? null : Number(row.due_ms)
}

function toDelivery(row: Record<string, unknown>): Delivery {
  return { seq: Number(row.seq), eventId: String(row.event_id), tries: Number(row.tries) }
}
