import type { Role } from '@urbanbloom/service-kit/auth'
import type { Db } from '@urbanbloom/service-kit/db'
import { newId } from '@urbanbloom/service-kit/ids'
import { findAccountByEmail, insertAccount } from './account-store.ts'
import { hashPassword } from './passwords.ts'

export type SeedAccount = { id?: string; email: string; name: string; password: string; role: Role }

/**
 * Makes accounts on a developer's machine. Nothing that the service starts imports this file. An account whose
 * email exists is left as it is.
 * @returns the ids, in the order of `accounts`.
 */
export async function seedAccounts(db: Db, accounts: readonly SeedAccount[]): Promise<string[]> {
  const ids: string[] = []
  for (const { id = newId(), email, name, password, role } of accounts) {
    const existing = await findAccountByEmail(db, email)
    const account =
      existing ??
      (await insertAccount(db, { id, email, name, role, passwordHash: await hashPassword(password) })) ??
      (await findAccountByEmail(db, email))
    if (account === null) throw new Error(`The account ${email} cannot be made: its id ${id} is taken`)
    ids.push(account.id)
  }
  return ids
}
