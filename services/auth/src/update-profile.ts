import type { User } from '@urbanbloom/service-kit/auth'
import { conflict, forbidden, invalid, notFound } from '@urbanbloom/service-kit/errors'
import type { Account } from './account.ts'
import { findAccount, updateAccount } from './account-store.ts'
import type { Context } from './context.ts'
import { checkPassword } from './log-in.ts'
import { endOtherSessions } from './session-store.ts'

export type ProfileChange = { name?: string; email?: string; password?: string; currentPassword?: string }

/**
 * Changes the caller's account. What one logs in with changes only for someone who knows the password, and a new
 * password ends every other session.
 */
export async function updateProfile(
  ctx: Context,
  user: User,
  change: ProfileChange,
  address: string,
): Promise<Account> {
  const isGuarded = change.email !== undefined || change.password !== undefined
  const checkedHash = isGuarded ? await checkCurrentPassword(ctx, user, change, address) : null
  const passwordHash = change.password === undefined ? undefined : await ctx.passwords.hash(change.password)
  return ctx.db.transaction(async (tx) => {
    const { name, email } = change
    const account = await updateAccount(tx, user.id, { name, email, passwordHash }, checkedHash)
    if (account === null) throw conflict('account_changed', 'The password was changed meanwhile; try again')
    if (passwordHash !== undefined) await endOtherSessions(tx, user.id, user.sessionId, 'password_changed')
    return account
  })
}

async function checkCurrentPassword(
  ctx: Context,
  user: User,
  { currentPassword }: ProfileChange,
  address: string,
): Promise<string> {
  if (currentPassword === undefined) {
    throw invalid('current_password_required', 'Send currentPassword to change the email or the password', {
      errors: [{ path: 'currentPassword', message: 'is required to change the email or the password' }],
    })
  }
  const account = await getAccount(ctx, user.id)
  const attempt = { email: account.email, address, password: currentPassword }
  if (await checkPassword(ctx, attempt, account.passwordHash)) return account.passwordHash
  throw forbidden('current_password_wrong', 'currentPassword is not the password of this account')
}

export async function getAccount(ctx: Context, id: string): Promise<Account> {
  const account = await findAccount(ctx.db, id)
  if (account === null) throw notFound('account_not_found', 'This account does not exist any more')
  return account
}
