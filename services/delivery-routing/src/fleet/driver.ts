import * as z from 'zod'
import { Skills } from './vehicle.ts'

export const NewDriver = z.strictObject({
  email: z.email().max(254),
  name: z.string().trim().min(1).max(120),
  password: z.string().min(10).max(200),
  phone: z
    .string()
    .trim()
    .regex(/^\+?[\d ().-]{5,30}$/, 'must be a telephone number')
    .optional(),
  skills: Skills.default([]),
})

export const Driver = z.object({
  id: z.uuid(),
  email: z.string(),
  name: z.string(),
  phone: z.string().optional(),
  skills: z.array(z.string()),
  status: z.enum(['pending', 'active']),
})

export type NewDriver = z.infer<typeof NewDriver>
export type Driver = z.infer<typeof Driver>
