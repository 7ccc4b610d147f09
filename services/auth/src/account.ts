import type { Role } from '@urbanbloom/service-kit/auth'
import { roles } from '@urbanbloom/service-kit/auth'
import * as z from 'zod'

export type Account = {
  id: string
  email: string
  name: string
  role: Role
  passwordHash: string
  createdAt: Date
}

/** An address is the same however it is typed: without spaces around it and in lower case. */
export const Email = z
  .string()
  .max(254)
  .trim()
  .toLowerCase()
  .pipe(z.email('must be an email address'))
  .describe('Case and surrounding spaces do not matter')

export const Name = z.string().trim().min(1).max(120)
export const NewPassword = z.string().min(10).max(200).describe('10 to 200 characters of any kind')
/** A password that is compared, not chosen: whatever it is, the answer to a wrong one is the same. */
export const GivenPassword = z.string().min(1).max(200)

/** The account as its owner sees it. */
export const User = z
  .object({
    id: z.uuid(),
    email: z.string(),
    name: z.string(),
    role: z.enum(roles),
    createdAt: z.iso.datetime(),
  })
  .meta({ id: 'User' })

export function toUser(account: Account): z.output<typeof User> {
  return {
    id: account.id,
    email: account.email,
    name: account.name,
    role: account.role,
    createdAt: account.createdAt.toISOString(),
  }
}
