import { newId } from '@urbanbloom/service-kit/ids'
import { type Account } from './account.ts'
import { emailTaken, insertAccount } from './account-store.ts'
import type { Context } from './context.ts'
import { beginSession, issueTokens, type Tokens } from './tokens.ts'

/** Makes a customer's account and logs it in. The unique email decides between two that register at once. */
export async function register(
  ctx: Context,
  person: { email: string; password: string; name: string },
  userAgent: string | null,
): Promise<Tokens & { account: Account }> {
  const passwordHash = await ctx.passwords.hash(person.password)
  const { account, session } = await ctx.db.transaction(async (tx) => {
    const made = await insertAccount(tx, {
      id: newId(),
      email: person.email,
      name: person.name,
      role: 'customer',
      passwordHash,
    })
    if (made === null) throw emailTaken()
    return { account: made, session: await beginSession(ctx, tx, made.id, userAgent) }
  })
  ctx.events.registered(account.id)
  return { account, ...(await issueTokens(ctx, account, session)) }
}
