import type { Db } from '@urbanbloom/service-kit/db'
import type { Driver } from './driver.ts'

const columns = 'id, email, name, phone, skills, status'

type DriverRow = {
  id: string
  email: string
  name: string
  phone: string | null
  skills: string[]
  status: Driver['status']
}

/** Adds the driver as pending, or finds the row that has the e-mail address already. */
export async function insertPendingDriver(db: Db, driver: Omit<Driver, 'status'>): Promise<Driver> {
  const inserted = await db.query<DriverRow>(
    `insert into drivers (id, email, name, phone, skills, status) values ($1, $2, $3, $4, $5, 'pending')
     on conflict (email) do update
       set name = excluded.name, phone = excluded.phone, skills = excluded.skills
       where drivers.status = 'pending'
     returning ${columns}`,
    [driver.id, driver.email, driver.name, driver.phone ?? null, driver.skills],
  )
  if (inserted[0] !== undefined) return toDriver(inserted[0])
  const [known] = await db.query<DriverRow>(`select ${columns} from drivers where email = $1`, [driver.email])
  if (known === undefined) throw new Error(`The driver's row vanished while it was read`)
  return toDriver(known)
}

export async function activateDriver(db: Db, id: string): Promise<void> {
  await db.query(`update drivers set status = 'active' where id = $1`, [id])
}

/** Takes back a driver whose account could not be made. */
export async function deletePendingDriver(db: Db, id: string): Promise<void> {
  await db.query(`delete from drivers where id = $1 and status = 'pending'`, [id])
}

export async function listDrivers(db: Db, after: string | null, limit: number): Promise<Driver[]> {
  const rows = await db.query<DriverRow>(
    `select ${columns} from drivers where $1::uuid is null or id > $1::uuid order by id limit $2`,
    [after, limit],
  )
  return rows.map(toDriver)
}

function toDriver(row: DriverRow): Driver {
  return {
    id: row.id,
    email: row.email,
    name: row.name,
    ...(row.phone === null ? {} : { phone: row.phone }),
    skills: row.skills,
    status: row.status,
  }
}
