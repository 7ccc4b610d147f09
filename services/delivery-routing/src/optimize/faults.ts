import { MAX_FAULTS } from './limits.ts'

export type Fault = { path: string; message: string }

/** The request cannot be carried out as it is: every fault with its path, or the first `MAX_FAULTS`. */
export class InvalidRequestError extends Error {
  override readonly name = 'InvalidRequestError'
  readonly faults: readonly Fault[]

  constructor(faults: readonly Fault[]) {
    const first = faults[0]
    const more = faults.length > 1 ? `; ${faults.length - 1} more in errors` : ''
    super(`${first?.path ?? 'body'}: ${first?.message ?? 'is not valid'}${more}`)
    this.faults = faults
  }
}

/** Reads JSON values that must be of a certain kind. A wrong one is reported and replaced by something harmless. */
export class Reader {
  readonly #faults: Fault[] = []

  report(path: string, message: string): void {
    this.#faults.push({ path: path === '' ? 'body' : path, message })
    // However long the input is, reading it ends soon after it was found to be bad.
    if (this.#faults.length >= MAX_FAULTS) throw new InvalidRequestError(this.#faults)
  }

  throwIfAny(): void {
    if (this.#faults.length > 0) throw new InvalidRequestError(this.#faults)
  }

  get isGood(): boolean {
    return this.#faults.length === 0
  }

  object(value: unknown, path: string, known: readonly string[]): Record<string, unknown> {
    const members = this.record(value, path)
    for (const key of Object.keys(members)) {
      if (!known.includes(key)) this.report(join(path, shorten(key)), 'is not a known field')
    }
    return members
  }

  record(value: unknown, path: string): Record<string, unknown> {
    if (typeof value === 'object' && value !== null && !Array.isArray(value))
      return value as Record<string, unknown>
    this.report(path, `must be an object, is ${describe(value)}`)
    return {}
  }

  list<T>(value: unknown, path: string, most: number, read: (item: unknown, path: string) => T): T[] {
    if (!Array.isArray(value)) {
      this.report(path, `must be an array, is ${describe(value)}`)
      return []
    }
    if (value.length > most) {
      this.report(path, `must hold at most ${most} items, holds ${value.length}`)
      return []
    }
    return value.map((item, index) => read(item, `${path}.${index}`))
  }

  integer(value: unknown, path: string, least: number, most: number): number {
    if (Number.isInteger(value) && (value as number) >= least && (value as number) <= most)
      return value as number
    this.report(path, `must be an integer from ${least} to ${most}, is ${describe(value)}`)
    return least
  }

  number(value: unknown, path: string, least: number, most: number): number {
    if (typeof value === 'number' && value >= least && value <= most) return value
    this.report(path, `must be a number from ${least} to ${most}, is ${describe(value)}`)
    return least
  }

  text(value: unknown, path: string, most: number): string {
    if (typeof value === 'string' && value.length <= most) return value
    const found = typeof value === 'string' ? `has ${value.length} characters` : `is ${describe(value)}`
    this.report(path, `must be a text of at most ${most} characters, ${found}`)
    return ''
  }

  flag(value: unknown, path: string): boolean {
    if (typeof value === 'boolean') return value
    this.report(path, `must be true or false, is ${describe(value)}`)
    return false
  }

  choice<T extends string>(value: unknown, path: string, choices: readonly T[]): T {
    if (choices.includes(value as T)) return value as T
    this.report(path, `must be one of ${choices.join(', ')}, is ${describe(value)}`)
    return choices[0] as T
  }
}

/** `a.b`, or `b` at the top. */
export function join(path: string, key: string): string {
  return path === '' ? key : `${path}.${key}`
}

function describe(value: unknown): string {
  if (value === undefined) return 'missing'
  if (Array.isArray(value)) return 'an array'
  if (typeof value === 'object' && value !== null) return 'an object'
  return shorten(JSON.stringify(value))
}

function shorten(text: string): string {
  return text.length > 60 ? `${text.slice(0, 57)}...` : text
}
