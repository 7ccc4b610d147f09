import { ServiceError, unauthenticated } from '@urbanbloom/service-kit/errors'
import type { Account } from './account.ts'
import { findAccountByEmail } from './account-store.ts'
import type { Context } from './context.ts'
import type { Attempt } from './login-throttle.ts'
import { beginSession, issueTokens, type Tokens } from './tokens.ts'

/**
 * Checks email and password and begins a session. Where there is no account a dummy hash is verified, so that
 * neither the words nor the time of the answer say whether one exists.
 * @throws 401 `invalid_credentials`, 429 `login_throttled`.
 */
export async function logIn(
  ctx: Context,
  attempt: Attempt & { password: string },
  userAgent: string | null,
): Promise<Tokens & { account: Account }> {
  await refuseThrottled(ctx, attempt)
  const account = await findAccountByEmail(ctx.db, attempt.email)
  const isRight = await checkPassword(ctx, attempt, account?.passwordHash ?? null)
  if (account === null || !isRight) {
    throw unauthenticated('invalid_credentials', 'The email or the password is not right')
  }
  const session = await beginSession(ctx, ctx.db, account.id, userAgent)
  return { account, ...(await issueTokens(ctx, account, session)) }
}

/** Compares a password under the login throttle; only a wrong one counts. */
export async function checkPassword(
  ctx: Context,
  attempt: Attempt & { password: string },
  passwordHash: string | null,
): Promise<boolean> {
  return ctx.passwords.verify(passwordHash, attempt.password, {
    // Again, because failures may have been counted while this one waited for its turn.
    before: () => refuseThrottled(ctx, attempt),
    after: async (isRight) => {
      ctx.events.loginChecked(isRight ? 'succeeded' : 'refused')
      await (isRight ? ctx.throttle.forget(attempt) : ctx.throttle.countFailure(attempt))
    },
  })
}

async function refuseThrottled(ctx: Context, attempt: Attempt): Promise<void> {
  try {
    await ctx.throttle.check(attempt)
  } catch (err) {
    if (err instanceof ServiceError) ctx.events.loginChecked('throttled')
    throw err
  }
}
