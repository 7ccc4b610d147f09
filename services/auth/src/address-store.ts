import type { Address } from '@urbanbloom/contracts/address'
import type { Db } from '@urbanbloom/service-kit/db'

export type SavedAddress = Address & { id: string }

type AddressRow = {
  id: string
  recipient: string
  line1: string
  line2: string | null
  city: string
  region: string
  postal_code: string
  latitude: number
  longitude: number
  instructions: string | null
}

const columns = 'id, recipient, line1, line2, city, region, postal_code, latitude, longitude, instructions'

function toAddress(row: AddressRow): SavedAddress {
  return {
    id: row.id,
    recipient: row.recipient,
    line1: row.line1,
    ...(row.line2 !== null && { line2: row.line2 }),
    city: row.city,
    region: row.region,
    postalCode: row.postal_code,
    latitude: row.latitude,
    longitude: row.longitude,
    ...(row.instructions !== null && { instructions: row.instructions }),
  }
}

/** How many addresses an account may keep; the table `accounts` has the same number under a constraint. */
export const MAX_ADDRESSES = 50

/** @returns the address, or null where the account has no place left. */
export async function insertAddress(
  db: Db,
  accountId: string,
  address: SavedAddress,
): Promise<SavedAddress | null> {
  const [row] = await db.query<AddressRow>(
    `with place as (
       update accounts set address_count = address_count + 1
       where id = $1::uuid and address_count < $2
       returning id
     )
     insert into addresses
       (id, account_id, recipient, line1, line2, city, region, postal_code, latitude, longitude, instructions)
     select $3::uuid, id, $4, $5, $6, $7, $8, $9, $10::float8, $11::float8, $12 from place
     returning ${columns}`,
    [
      accountId,
      MAX_ADDRESSES,
      address.id,
      address.recipient,
      address.line1,
      address.line2 ?? null,
      address.city,
      address.region,
      address.postalCode,
      address.latitude,
      address.longitude,
      address.instructions ?? null,
    ],
  )
  return row === undefined ? null : toAddress(row)
}

/** The newest first, from before the id `before`. */
export async function listAddresses(
  db: Db,
  accountId: string,
  page: { limit: number; before: string | null },
): Promise<SavedAddress[]> {
  const rows = await db.query<AddressRow>(
    `select ${columns} from addresses
     where account_id = $1::uuid and ($2::uuid is null or id < $2::uuid)
     order by id desc
     limit $3`,
    [accountId, page.before, page.limit],
  )
  return rows.map(toAddress)
}

/** @returns whether the account had the address. */
export async function deleteAddress(db: Db, accountId: string, id: string): Promise<boolean> {
  const rows = await db.query(
    `with gone as (
       delete from addresses where id = $2::uuid and account_id = $1::uuid returning account_id
     )
     update accounts set address_count = address_count - 1
     where id = (select account_id from gone)
     returning id`,
    [accountId, id],
  )
  return rows.length > 0
}
