import { z } from 'zod'
import { invalidRequest } from './stripe-failure.ts'

/** The largest amount of a charge in cents, as at Stripe. */
const MAX_AMOUNT = 99_999_999

export const amountParameter = z
  .string()
  .regex(/^-?\d{1,12}$/, 'Invalid integer')
  .transform(Number)
  .pipe(
    z
      .number()
      .min(1, 'This value must be greater than or equal to 1.')
      .max(MAX_AMOUNT, 'Amount must be no more than $999,999.99'),
  )

export const booleanParameter = z.enum(['true', 'false']).transform((value) => value === 'true')

export const metadataParameter = z
  .record(z.string().max(40), z.string().max(500))
  .refine((value) => Object.keys(value).length <= 50, 'Metadata can have up to 50 keys')

export const expandParameter = z.array(z.enum(['latest_charge', 'data.latest_charge'])).default([])

const timestamp = z
  .string()
  .regex(/^\d{1,11}$/, 'Invalid timestamp')
  .transform(Number)

export const listParameters = {
  limit: z
    .string()
    .regex(/^\d{1,3}$/, 'Invalid integer')
    .transform(Number)
    .pipe(z.number().min(1).max(100))
    .default(10),
  starting_after: z.string().optional(),
  ending_before: z.string().optional(),
  created: z
    .strictObject({
      gt: timestamp.optional(),
      gte: timestamp.optional(),
      lt: timestamp.optional(),
      lte: timestamp.optional(),
    })
    .optional(),
  expand: expandParameter,
}

type ListValues = z.infer<z.ZodObject<typeof listParameters>>

/** What every list takes, as the store wants it; bounds in whole seconds, both ends included. */
export function toListFilter(values: ListValues) {
  const created = values.created ?? {}
  return {
    limit: values.limit,
    createdFrom: created.gte ?? (created.gt === undefined ? undefined : created.gt + 1),
    createdTo: created.lte ?? (created.lt === undefined ? undefined : created.lt - 1),
    startingAfter: values.starting_after,
    endingBefore: values.ending_before,
  }
}

/** Validates decoded parameters; the first problem is answered in Stripe's words. */
export function parseParameters<S extends z.ZodType>(schema: S, body: unknown): z.infer<S> {
  const result = schema.safeParse(body)
  if (result.success) return result.data
  const issue = result.error.issues[0]
  const path = issue?.path.map(String) ?? []
  if (issue?.code === 'unrecognized_keys') {
    const param = bracketed([...path, issue.keys[0] ?? ''])
    throw invalidRequest(`Received unknown parameter: ${param}`, { code: 'parameter_unknown', param })
  }
  const param = bracketed(path)
  if (valueAt(body, path) === undefined) {
    throw invalidRequest(`Missing required param: ${param}.`, { code: 'parameter_missing', param })
  }
  throw invalidRequest(`Invalid ${param}: ${issue?.message ?? 'not understood'}`, {
    code: 'parameter_invalid',
    param,
  })
}

function bracketed(path: string[]): string {
  return path.map((part, index) => (index === 0 ? part : `[${part}]`)).join('')
}

function valueAt(body: unknown, path: string[]): unknown {
  let value: unknown = body
  for (const part of path) {
    if (typeof value !== 'object' || value === null) return undefined
    value = Object.entries(value).find(([key]) => key === part)?.[1]
  }
  return value
}
