import * as z from 'zod'

/** `auth`'s internal call that makes an account with a role, as `delivery-routing` does for drivers. */
export const CreateAccount = z.strictObject({
  id: z.uuid(),
  email: z.email().max(254),
  name: z.string().trim().min(1).max(120),
  password: z.string().min(10).max(200),
  role: z.enum(['customer', 'driver', 'ops']),
})

export const CreateAccountAnswer = z.object({ id: z.uuid() })

/** `auth`'s internal call that says how people can be reached; ids that are unknown are absent from the answer. */
export const ContactsLookup = z.strictObject({ ids: z.array(z.uuid()).min(1).max(100) })

export const ContactsAnswer = z.object({
  contacts: z.array(z.object({ id: z.uuid(), email: z.string(), name: z.string() })),
})
