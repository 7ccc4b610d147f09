import { type Db, violates } from '@urbanbloom/service-kit/db'
import { conflict } from '@urbanbloom/service-kit/errors'
import type { Account } from './account.ts'

type AccountRow = {
  id: string
  email: string
  name: string
  role: Account['role']
  password_hash: string
  created_at: Date
}

const columns = 'id, email::text as email, name, role, password_hash, created_at'

function toAccount(row: AccountRow): Account {
  return {
    id: row.id,
    email: row.email,
    name: row.name,
    role: row.role,
    passwordHash: row.password_hash,
    createdAt: row.created_at,
  }
}

export async function findAccount(db: Db, id: string): Promise<Account | null> {
  const [row] = await db.query<AccountRow>(`select ${columns} from accounts where id = $1::uuid`, [id])
  return row === undefined ? null : toAccount(row)
}

export async function findAccountByEmail(db: Db, email: string): Promise<Account | null> {
  const [row] = await db.query<AccountRow>(`select ${columns} from accounts where email = $1::citext`, [
    email,
  ])
  return row === undefined ? null : toAccount(row)
}

/** How the accounts among `ids` that exist can be reached. */
export async function listContacts(
  db: Db,
  ids: readonly string[],
): Promise<Pick<Account, 'id' | 'email' | 'name'>[]> {
  return db.query(
    'select id, email::text as email, name from accounts where id = any($1::uuid[]) order by id',
    [ids],
  )
}

/** @returns the account, or null where the id or the email is taken. */
export async function insertAccount(db: Db, account: Omit<Account, 'createdAt'>): Promise<Account | null> {
  const [row] = await db.query<AccountRow>(
    `insert into accounts (id, email, name, role, password_hash)
     values ($1::uuid, $2::citext, $3, $4, $5)
     on conflict do nothing
     returning ${columns}`,
    [account.id, account.email, account.name, account.role, account.passwordHash],
  )
  return row === undefined ? null : toAccount(row)
}

export type AccountChange = { name?: string; email?: string; passwordHash?: string }

/**
 * Changes what is given, as long as the password is still the one that the caller has checked.
 * @returns the account, or null where the password was changed in between.
 * @throws 409 `email_taken`.
 */
export async function updateAccount(
  db: Db,
  id: string,
  change: AccountChange,
  checkedHash: string | null,
): Promise<Account | null> {
  try {
    const [row] = await db.query<AccountRow>(
      `update accounts
       set name = coalesce($2, name),
           email = coalesce($3::citext, email),
           password_hash = coalesce($4, password_hash),
           updated_at = now()
       where id = $1::uuid and ($5::text is null or password_hash = $5::text)
       returning ${columns}`,
      [id, change.name ?? null, change.email ?? null, change.passwordHash ?? null, checkedHash],
    )
    return row === undefined ? null : toAccount(row)
  } catch (err) {
    if (violates(err, 'accounts_email_key')) throw emailTaken()
    throw err
  }
}

export function emailTaken() {
  return conflict('email_taken', 'An account with this email exists already; log in instead')
}
