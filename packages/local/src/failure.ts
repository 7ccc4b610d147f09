/** A reason to stop that a person can act on: its message is one sentence of what is wrong and what to do. */
export class Failure extends Error {
  override name = 'Failure'
}

/** The system's short name of an error (`EACCES`, `ECONNREFUSED`), or its message where it has none. */
export function reasonOf(err: unknown): string {
  if (!(err instanceof Error)) return String(err)
  const { code } = err as { code?: unknown }
  if (typeof code === 'string' && code !== '') return code
  if (err instanceof AggregateError && err.errors.length > 0) return reasonOf(err.errors[0])
  return err.message
}
