import { newId } from '@urbanbloom/service-kit/ids'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createDriver, createHub, createVehicle, createWorld, expecting, type World } from './world.ts'

describe('the fleet', () => {
  let world: World
  beforeAll(async () => {
    world = await createWorld()
  })
  afterAll(() => world.close())
  const codeOf = async (answer: ReturnType<World['call']>) => {
    const { status, body } = await answer
    return `${status} ${body.code}`
  }

  it('lists what was made, in pages', async () => {
    const hub = await createHub(world)
    const made = []
    for (let index = 0; index < 5; index += 1) made.push((await createVehicle(world, hub.id)).id)
    const seen: string[] = []
    let cursor = ''
    do {
      const page = await expecting(
        200,
        world.asOps('GET', `/v1/vehicles?hubId=${hub.id}&limit=2${cursor && `&cursor=${cursor}`}`),
      )
      expect(page.items.length).toBeLessThanOrEqual(2)
      seen.push(...page.items.map(({ id }: { id: string }) => id))
      cursor = page.nextCursor ?? ''
    } while (cursor !== '')
    expect(seen).toEqual(made)
    for (const query of ['limit=0', 'limit=101', 'limit=x']) {
      expect(await codeOf(world.asOps('GET', `/v1/hubs?${query}`))).toBe('400 validation_failed')
    }
    for (const path of ['hubs', 'vehicles', 'drivers', 'shifts', 'drivers/locations']) {
      expect(await codeOf(world.asOps('GET', `/v1/${path}?cursor=bm90IGFuIGlk`))).toBe('400 cursor_invalid')
    }
  })

  it('answers a POST with the whole object', async () => {
    const hub = {
      name: 'Grant Park',
      latitude: 33.73,
      longitude: -84.37,
      serviceRadiusMeters: 5_000,
      timeZone: 'America/New_York',
    }
    const made = await expecting(201, world.asOps('POST', '/v1/hubs', hub))
    expect(made).toMatchObject({ id: made.id, ...hub, windowCapacity: 1_000, baseFeeCents: 599 })
    const vehicle = {
      hubId: made.id,
      name: 'Van',
      capacity: { weightGrams: 1_000, volumeMilliliters: 2_000 },
    }
    const van = await expecting(201, world.asOps('POST', '/v1/vehicles', vehicle))
    expect(van).toEqual({ id: van.id, ...vehicle, skills: [] })
  })

  it('refuses hubs that cannot be', async () => {
    const good = { name: 'Hub', latitude: 0, longitude: 0, serviceRadiusMeters: 1_000, timeZone: 'UTC' }
    const bad = [
      { name: ' ' },
      { latitude: 90.1 },
      { longitude: '0' },
      { serviceRadiusMeters: 0 },
      { serviceRadiusMeters: -1 },
      { serviceRadiusMeters: 1e9 },
      { timeZone: 'Mars/Olympus' },
      { timeZone: '+02:00' },
      { timeZone: '' },
      { windowCapacity: -1 },
      { unknown: true },
    ]
    for (const change of bad) {
      const answer = world.asOps('POST', '/v1/hubs', { ...good, ...change })
      expect([change, await codeOf(answer)]).toEqual([change, '400 validation_failed'])
    }
  })

  it('refuses vehicles without a hub or a capacity', async () => {
    const capacity = { weightGrams: 1, volumeMilliliters: 1 }
    const post = (body: object) => codeOf(world.asOps('POST', '/v1/vehicles', { name: 'Van', ...body }))
    expect(await post({ hubId: newId(), capacity })).toBe('422 hub_unknown')
    expect(await post({ hubId: newId() })).toBe('400 validation_failed')
    expect(await post({ hubId: newId(), capacity: { ...capacity, weightGrams: 0 } })).toBe(
      '400 validation_failed',
    )
  })

  describe('a driver', () => {
    const body = (email: string) => ({
      email,
      name: 'Dana',
      password: 'grow-something-green',
      phone: '+1 404 555 0100',
    })
    const post = (email: string) => world.asOps('POST', '/v1/drivers', body(email))

    it('gets an account with the role driver, and no answer holds the password', async () => {
      const driver = await expecting(201, post('dana@urbanbloom.test'))
      expect(driver).toEqual({
        id: driver.id,
        email: 'dana@urbanbloom.test',
        name: 'Dana',
        phone: '+1 404 555 0100',
        skills: [],
        status: 'active',
      })
      expect(world.peers.accounts).toContainEqual(
        expect.objectContaining({ id: driver.id, email: driver.email, role: 'driver' }),
      )
      expect(await codeOf(post('DANA@urbanbloom.test'))).toBe('409 email_taken')
    })

    it('is finished by the next try when auth did not answer, under the same id', async () => {
      const email = 'later@urbanbloom.test'
      world.peers.failures.set('/auth/internal/accounts', { status: 500, code: 'internal_error' })
      expect((await post(email)).status).toBe(502)
      const [pending] = await world.db.query<{ id: string; status: string }>(
        'select id, status from drivers where email = $1',
        [email],
      )
      expect(pending?.status).toBe('pending')
      world.peers.failures.clear()
      expect(await expecting(201, post(email))).toMatchObject({ id: pending?.id, status: 'active' })
    })

    it('is refused, and leaves nothing, when the address belongs to another account', async () => {
      const email = 'customer@urbanbloom.test'
      world.peers.accounts.push({ id: newId(), role: 'customer', ...body(email) })
      expect(await codeOf(post(email))).toBe('409 email_taken')
      expect(await world.db.query('select id from drivers where email = $1', [email])).toEqual([])
    })

    it('is made once when two ask at the same time', async () => {
      const answers = await Promise.all([post('twice@urbanbloom.test'), post('twice@urbanbloom.test')])
      const ids = answers.filter(({ status }) => status === 201).map((answer) => answer.body.id)
      expect(new Set(ids).size).toBe(1)
      expect(world.peers.accounts.filter(({ email }) => email === 'twice@urbanbloom.test')).toHaveLength(1)
    })

    it('needs an address, a name and a password', async () => {
      for (const change of [{ email: 'x' }, { name: '' }, { password: 'short' }, { phone: 'abc' }]) {
        const answer = world.asOps('POST', '/v1/drivers', { ...body('new@urbanbloom.test'), ...change })
        expect(await codeOf(answer)).toBe('400 validation_failed')
      }
    })
  })

  describe('a shift', () => {
    async function crew() {
      const hub = await createHub(world)
      return {
        hubId: hub.id,
        driverId: (await createDriver(world)).id,
        vehicleId: (await createVehicle(world, hub.id)).id,
      }
    }
    const times = { start: '2026-06-10T08:00:00-04:00', end: '2026-06-10T16:00:00-04:00' }
    const post = (body: object) => world.asOps('POST', '/v1/shifts', { ...times, ...body })

    it('books a driver and a vehicle, which then are busy', async () => {
      const first = await crew()
      const second = await crew()
      const shift = await expecting(201, post(first))
      expect(shift).toMatchObject({ ...first, start: '2026-06-10T12:00:00.000Z', breaks: [] })
      const inside = { start: '2026-06-10T19:59:00Z', end: '2026-06-10T21:00:00Z' }
      const otherVan = (await createVehicle(world, first.hubId)).id
      expect(await codeOf(post({ ...first, ...inside, vehicleId: otherVan }))).toBe('409 driver_busy')
      expect(await codeOf(post({ ...first, ...inside, driverId: second.driverId }))).toBe('409 vehicle_busy')
      const after = { start: '2026-06-10T20:00:00Z', end: '2026-06-10T21:00:00Z' }
      expect((await post({ ...first, ...after })).status).toBe(201)
      const listed = await expecting(200, world.asOps('GET', `/v1/shifts?driverId=${first.driverId}`))
      expect(listed.items).toHaveLength(2)
    })

    it('is booked once when many ask at the same time', async () => {
      const given = await crew()
      const answers = await Promise.all(Array.from({ length: 6 }, () => post(given)))
      expect(answers.filter(({ status }) => status === 201)).toHaveLength(1)
    })

    it('refuses times and parts that do not fit', async () => {
      const given = await crew()
      const other = await crew()
      expect(await codeOf(post({ ...given, end: times.start }))).toBe('400 validation_failed')
      expect(await codeOf(post({ ...given, end: '2026-06-12T16:00:00Z' }))).toBe('400 validation_failed')
      const pause = { earliest: times.start, latest: times.end, durationSeconds: 1_800 }
      expect(await codeOf(post({ ...given, breaks: [pause] }))).toBe('400 validation_failed')
      expect(await codeOf(post({ ...given, hubId: newId() }))).toBe('422 hub_unknown')
      expect(await codeOf(post({ ...given, vehicleId: other.vehicleId }))).toBe('422 vehicle_unknown')
      expect(await codeOf(post({ ...given, driverId: newId() }))).toBe('422 driver_unknown')
      const noon = {
        earliest: '2026-06-10T16:00:00Z',
        latest: '2026-06-10T18:00:00Z',
        durationSeconds: 1_800,
      }
      expect((await expecting(201, post({ ...given, breaks: [noon] }))).breaks).toEqual([noon])
    })
  })

  it('is for ops alone', async () => {
    for (const path of ['hubs', 'vehicles', 'drivers', 'shifts']) {
      expect(await codeOf(world.call('GET', `/v1/${path}`))).toBe('401 access_token_required')
      for (const role of ['customer', 'driver'] as const) {
        const token = world.tokenFor(newId(), role)
        expect(await codeOf(world.call('GET', `/v1/${path}`, token))).toBe('403 role_required')
        expect(await codeOf(world.call('POST', `/v1/${path}`, token, {}))).toBe('403 role_required')
      }
    }
  })
})

it('the OpenAPI document describes every public call and no internal one', async () => {
  const world = await createWorld()
  try {
    const document = await expecting(200, world.call('GET', '/openapi.json'))
    const calls = Object.entries(document.paths).flatMap(([path, methods]) =>
      Object.entries(methods as object).map(([method, call]) => ({ path, method, call })),
    )
    expect(calls.some(({ path }) => path.startsWith('/internal'))).toBe(false)
    const open = [
      '/v1/delivery-windows',
      '/v1/tracking/{token}',
      '/v1/tracking/{token}/events',
      '/v1/tracking/{token}/photo',
    ]
    for (const { path, method, call } of calls) {
      expect([path, method, typeof call.summary, call.tags?.length]).toEqual([path, method, 'string', 1])
      expect([path, call.security]).toEqual([path, open.includes(path) ? undefined : [{ bearer: [] }]])
      expect(Object.keys(call.responses).some((status) => status.startsWith('2'))).toBe(true)
    }
    expect(calls.length).toBeGreaterThanOrEqual(28)
  } finally {
    await world.close()
  }
})
