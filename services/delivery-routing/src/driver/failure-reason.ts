import * as z from 'zod'

/** Why stops fail, as figures count them. A driver may also write a reason in their own words, which is `other`. */
export const failureCodes = [
  'customer_absent',
  'address_not_found',
  'no_access',
  'refused',
  'damaged',
  'wrong_goods',
  'out_of_time',
  'vehicle_problem',
  'unsafe',
  'other',
] as const
export type FailureCode = (typeof failureCodes)[number]

export const FailureReason = z
  .string()
  .trim()
  .min(1)
  .max(200)
  .describe(`One of ${failureCodes.map((code) => `\`${code}\``).join(', ')}, or the driver's own words`)
export const FailureNote = z.string().trim().min(1).max(500)

export function failureCodeOf(reason: string): FailureCode {
  return failureCodes.find((code) => code === reason) ?? 'other'
}
