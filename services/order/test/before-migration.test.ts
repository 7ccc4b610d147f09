import { createDb, type Db } from '@urbanbloom/service-kit/db'
import { newId } from '@urbanbloom/service-kit/ids'
import { createLog } from '@urbanbloom/service-kit/log'
import { createMetrics } from '@urbanbloom/service-kit/metrics'
import { request } from '@urbanbloom/test-kit/http'
import { waitFor } from '@urbanbloom/test-kit/wait-for'
import { expect, onTestFinished, test } from 'vitest'
import { type OrderUnderTest, startOrder } from './start-order.ts'

/** Only the owner of the schema may change the record of what is applied. */
function openAsOwner(url: string): Db {
  const options = { log: createLog('test', 'silent'), metrics: createMetrics('test') }
  const db = createDb({ url, ca: undefined, poolSize: 1 }, options)
  onTestFinished(() => db.close())
  return db
}

/** A queue with one event in it and an order whose process died while it unwound, and nobody at work on either. */
async function leaveWork(order: OrderUnderTest, owner: Db): Promise<string> {
  const id = await order.confirmed()
  await waitFor(() => order.peers.count('events', id) === 1, { describe: 'the event is delivered' })
  await order.stopFirst()
  await owner.query(
    `update orders.orders set status = 'cancelled', saga_step = 'unwinding', lease_until = now() where id = $1`,
    [id],
  )
  const data = { ...(order.peers.log.find(({ name }) => name === 'events')?.body.data as object) }
  const event = { id: newId(), type: 'order.confirmed', occurredAt: new Date().toISOString(), data }
  await owner.query(`select 1 from orders_jobs.add_job('deliver_event', $1::json)`, [
    JSON.stringify({ to: 'delivery-routing', event }),
  ])
  return id
}

test('before its newest migration a process takes no job and recovers no order; afterwards both, without a restart', async () => {
  const order = await startOrder()
  onTestFinished(() => order.close())
  const owner = openAsOwner(order.adminUrl)
  const id = await leaveWork(order, owner)
  const [newest] = await owner.query<{ id: number; name: string; checksum: string }>(
    `delete from orders.migrations where id = (select max(id) from orders.migrations) returning id, name, checksum`,
  )
  const late = await order.replica({ RECOVERY_INTERVAL_MS: '50' })
  onTestFinished(late.close)
  const get = (path: string) => request('GET', `${late.url}${path}`)
  expect([(await get('/livez')).status, (await get('/readyz')).status]).toEqual([200, 503])

  const looks = async () =>
    Number(/db_query_duration_seconds_count\S* (\d+)/.exec((await get('/metrics')).body as string)?.[1])
  await waitFor(async () => (await looks()) >= 5, {
    describe: 'it has looked for its migration several times',
  })
  const left = () =>
    Promise.all([
      owner.query('select task_identifier as task, attempts from orders_jobs.jobs'),
      owner.query('select saga_step as step, takeovers from orders.orders where id = $1', [id]),
    ])
  expect(await left()).toEqual([
    [{ task: 'deliver_event', attempts: 0 }],
    [{ step: 'unwinding', takeovers: 0 }],
  ])

  await owner.query('insert into orders.migrations (id, name, checksum) values ($1, $2, $3)', [
    newest?.id,
    newest?.name,
    newest?.checksum,
  ])
  await waitFor(async () => order.peers.count('events', id) === 2, { describe: 'the event is delivered' })
  await waitFor(async () => (await left())[1][0]?.step === null, { describe: 'the order is recovered' })
  expect((await get('/readyz')).status).toBe(200)
})
