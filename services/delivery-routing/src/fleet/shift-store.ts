import { type Db, violates } from '@urbanbloom/service-kit/db'
import { conflict, unprocessable } from '@urbanbloom/service-kit/errors'
import type { Shift } from './shift.ts'

const columns = `id, driver_id, vehicle_id, hub_id, lower(during) as starts_at, upper(during) as ends_at, breaks`

type ShiftRow = {
  id: string
  driver_id: string
  vehicle_id: string
  hub_id: string
  starts_at: Date
  ends_at: Date
  breaks: Shift['breaks']
}

/** Only an active driver may be on a shift, and a vehicle only for its own hub. */
export async function insertShift(db: Db, shift: Shift): Promise<void> {
  try {
    const inserted = await db.query(
      `insert into shifts (id, driver_id, vehicle_id, hub_id, during, breaks)
       select $1, drivers.id, $3, $4, tstzrange($5, $6), $7::jsonb
       from drivers where drivers.id = $2 and drivers.status = 'active'
       returning id`,
      [
        shift.id,
        shift.driverId,
        shift.vehicleId,
        shift.hubId,
        shift.start,
        shift.end,
        JSON.stringify(shift.breaks),
      ],
    )
    if (inserted.length === 0) {
      throw unprocessable('driver_unknown', `There is no active driver ${shift.driverId}`)
    }
  } catch (err) {
    throw refusal(err, shift)
  }
}

export async function listShifts(
  db: Db,
  filter: {
    hubId: string | undefined
    driverId: string | undefined
    after: string | null
    limit: number
  },
): Promise<Shift[]> {
  const rows = await db.query<ShiftRow>(
    `select ${columns} from shifts
     where ($1::uuid is null or hub_id = $1::uuid) and ($2::uuid is null or driver_id = $2::uuid)
       and ($3::uuid is null or id > $3::uuid)
     order by id limit $4`,
    [filter.hubId ?? null, filter.driverId ?? null, filter.after, filter.limit],
  )
  return rows.map(toShift)
}

function refusal(err: unknown, shift: Shift): unknown {
  if (violates(err, 'shifts_driver_free')) {
    return conflict('driver_busy', `The driver ${shift.driverId} has a shift in this time already`, {
      cause: err,
    })
  }
  if (violates(err, 'shifts_vehicle_free')) {
    return conflict('vehicle_busy', `The vehicle ${shift.vehicleId} has a shift in this time already`, {
      cause: err,
    })
  }
  if (violates(err, 'shifts_hub_id_fkey')) {
    return unprocessable('hub_unknown', `There is no hub ${shift.hubId}`, { cause: err })
  }
  if (violates(err, 'shifts_vehicle_of_hub')) {
    return unprocessable('vehicle_unknown', `The hub ${shift.hubId} has no vehicle ${shift.vehicleId}`, {
      cause: err,
    })
  }
  return err
}

function toShift(row: ShiftRow): Shift {
  return {
    id: row.id,
    driverId: row.driver_id,
    vehicleId: row.vehicle_id,
    hubId: row.hub_id,
    start: row.starts_at.toISOString(),
    end: row.ends_at.toISOString(),
    breaks: row.breaks,
  }
}
