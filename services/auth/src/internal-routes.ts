import {
  ContactsAnswer,
  ContactsLookup,
  CreateAccount,
  CreateAccountAnswer,
} from '@urbanbloom/contracts/accounts'
import { conflict } from '@urbanbloom/service-kit/errors'
import type { App } from '@urbanbloom/service-kit/server'
import type * as z from 'zod'
import { emailTaken, findAccount, insertAccount, listContacts } from './account-store.ts'
import type { Context } from './context.ts'

export function registerInternalRoutes(app: App, ctx: Context): void {
  app.post(
    '/internal/accounts',
    { schema: { hide: true, body: CreateAccount, response: { 200: CreateAccountAnswer } } },
    (request) => createAccount(ctx, request.body),
  )

  app.post(
    '/internal/accounts/contacts',
    { schema: { hide: true, body: ContactsLookup, response: { 200: ContactsAnswer } } },
    async (request) => ({ contacts: await listContacts(ctx.db, request.body.ids) }),
  )
}

/**
 * Makes an account with a role, once for each id.
 * @throws 409 `email_taken`; 409 `account_id_taken` where the id is another person's.
 */
async function createAccount(ctx: Context, wanted: z.output<typeof CreateAccount>): Promise<{ id: string }> {
  const email = wanted.email.toLowerCase()
  const { id, name, role } = wanted
  let existing = await findAccount(ctx.db, id)
  if (existing === null) {
    const passwordHash = await ctx.passwords.hash(wanted.password)
    existing =
      (await insertAccount(ctx.db, { id, email, name, role, passwordHash })) ??
      (await findAccount(ctx.db, id))
  }
  if (existing === null) throw emailTaken()
  if (existing.email !== email || existing.role !== role) {
    throw conflict('account_id_taken', `The account ${id} exists with another email or role`)
  }
  return { id }
}
