import { CreateAccountAnswer } from '@urbanbloom/contracts/accounts'
import { conflict, ServiceError } from '@urbanbloom/service-kit/errors'
import { newId } from '@urbanbloom/service-kit/ids'
import type { Context } from '../context.ts'
import type { Driver, NewDriver } from './driver.ts'
import { activateDriver, deletePendingDriver, insertPendingDriver } from './driver-store.ts'

/**
 * Makes a driver and the account. The row comes first, so that a crash between the two leaves a pending driver
 * whose id the next try uses again; `auth` takes the same id twice.
 */
export async function createDriver(ctx: Context, { password, ...person }: NewDriver): Promise<Driver> {
  const driver = await insertPendingDriver(ctx.db, { id: newId(), ...person })
  if (driver.status === 'active') throw emailTaken(person.email)
  const account = { id: driver.id, email: person.email, name: person.name, password, role: 'driver' }
  try {
    await ctx.authPeer.post('/internal/accounts', account, CreateAccountAnswer)
  } catch (err) {
    // Only a refusal is final. After anything else the account may exist, and the pending row waits for a retry.
    if (err instanceof ServiceError && err.code === 'email_taken') {
      await deletePendingDriver(ctx.db, driver.id)
      throw emailTaken(person.email, err)
    }
    throw err
  }
  await activateDriver(ctx.db, driver.id)
  return { ...driver, status: 'active' }
}

function emailTaken(email: string, cause?: unknown): ServiceError {
  return conflict('email_taken', `An account with the e-mail address ${email} exists already`, { cause })
}
