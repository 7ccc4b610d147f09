import { type Db, violates } from '@urbanbloom/service-kit/db'
import { unprocessable } from '@urbanbloom/service-kit/errors'
import type { Vehicle } from './vehicle.ts'

type VehicleRow = {
  id: string
  hub_id: string
  name: string
  capacity_weight_grams: number
  capacity_volume_milliliters: number
  skills: string[]
}

export async function insertVehicle(db: Db, vehicle: Vehicle): Promise<void> {
  try {
    await db.query(
      `insert into vehicles (id, hub_id, name, capacity_weight_grams, capacity_volume_milliliters, skills)
       values ($1, $2, $3, $4, $5, $6)`,
      [
        vehicle.id,
        vehicle.hubId,
        vehicle.name,
        vehicle.capacity.weightGrams,
        vehicle.capacity.volumeMilliliters,
        vehicle.skills,
      ],
    )
  } catch (err) {
    if (!violates(err, 'vehicles_hub_id_fkey')) throw err
    throw unprocessable('hub_unknown', `There is no hub ${vehicle.hubId}`, { cause: err })
  }
}

export async function listVehicles(
  db: Db,
  filter: { hubId: string | undefined; after: string | null; limit: number },
): Promise<Vehicle[]> {
  const rows = await db.query<VehicleRow>(
    `select id, hub_id, name, capacity_weight_grams, capacity_volume_milliliters, skills from vehicles
     where ($1::uuid is null or hub_id = $1::uuid) and ($2::uuid is null or id > $2::uuid)
     order by id limit $3`,
    [filter.hubId ?? null, filter.after, filter.limit],
  )
  return rows.map(toVehicle)
}

function toVehicle(row: VehicleRow): Vehicle {
  return {
    id: row.id,
    hubId: row.hub_id,
    name: row.name,
    capacity: { weightGrams: row.capacity_weight_grams, volumeMilliliters: row.capacity_volume_milliliters },
    skills: row.skills,
  }
}
