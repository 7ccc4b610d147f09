import { join, type Reader } from './faults.ts'
import { MAX_LEG, MAX_LOCATIONS, MAX_PROFILES, MAX_TEXT } from './limits.ts'
import type { Matrices, Place } from './request.ts'

const MATRIX_FIELDS = ['durations', 'distances', 'costs'] as const

export type ReadMatrices = { size: number; byProfile: Map<string, Matrices> }

/** The matrices by profile, or null where the request gives none. `matrix` is the old name for car durations. */
export function readMatrices(reader: Reader, body: Record<string, unknown>): ReadMatrices | null {
  if (body.matrices !== undefined && body.matrix !== undefined)
    reader.report('matrix', 'must not be given beside matrices')
  if (body.matrices === undefined && body.matrix === undefined) return null
  const given =
    body.matrices === undefined
      ? { car: { durations: body.matrix } }
      : reader.record(body.matrices, 'matrices')
  const profiles = Object.entries(given)
  if (profiles.length === 0) reader.report('matrices', 'must hold at least one profile')
  if (profiles.length > MAX_PROFILES)
    reader.report('matrices', `must hold at most ${MAX_PROFILES} profiles, holds ${profiles.length}`)
  const byProfile = new Map<string, Matrices>()
  let size: number | undefined
  for (const [profile, value] of profiles.slice(0, MAX_PROFILES)) {
    const path = body.matrices === undefined ? 'matrix' : join('matrices', profile.slice(0, MAX_TEXT))
    const members = reader.object(value, path, MATRIX_FIELDS)
    const read = (name: (typeof MATRIX_FIELDS)[number]) => {
      if (members[name] === undefined) return null
      const at = body.matrices === undefined ? path : `${path}.${name}`
      const matrix = readMatrix(reader, members[name], at, size)
      size ??= matrix?.size
      return matrix?.cells ?? null
    }
    if (members.durations === undefined) {
      reader.report(`${path}.durations`, 'is missing: there is no routing engine to take durations from')
    }
    const durations = read('durations') ?? new Int32Array(0)
    byProfile.set(profile, { durations, distances: read('distances'), costs: read('costs') })
  }
  return { size: size ?? 0, byProfile }
}

/** One square matrix, of `size` rows where another one has said so. */
function readMatrix(reader: Reader, value: unknown, path: string, size: number | undefined) {
  if (!Array.isArray(value)) {
    reader.list(value, path, 0, () => 0)
    return null
  }
  const rows = value.length
  if (rows === 0 || rows > MAX_LOCATIONS) {
    reader.report(path, `must have 1 to ${MAX_LOCATIONS} rows, has ${rows}`)
    return null
  }
  if (size !== undefined && rows !== size) {
    reader.report(path, `must have ${size} rows like the matrix before it, has ${rows}`)
    return null
  }
  const cells = new Int32Array(rows * rows)
  value.forEach((row: unknown, index) => {
    if (!Array.isArray(row)) {
      reader.list(row, `${path}.${index}`, 0, () => 0)
      return
    }
    if (row.length !== rows) {
      reader.report(
        `${path}.${index}`,
        `must have ${rows} entries, as many as there are rows; has ${row.length}`,
      )
      return
    }
    const from = index * rows
    for (let column = 0; column < rows; column += 1) {
      const cell: unknown = row[column]
      if (Number.isInteger(cell) && (cell as number) >= 0 && (cell as number) <= MAX_LEG)
        cells[from + column] = cell as number
      else reader.integer(cell, `${path}.${index}.${column}`, 0, MAX_LEG)
    }
  })
  return { size: rows, cells }
}

/** Finds the row of a place: its index with matrices; else one row for each pair of coordinates. */
export class Places {
  readonly #reader: Reader
  readonly #matrices: ReadMatrices | null
  readonly #rows = new Map<string, number>()
  readonly points: { latitude: number; longitude: number }[] = []

  constructor(reader: Reader, matrices: ReadMatrices | null) {
    this.#reader = reader
    this.#matrices = matrices
  }

  get size(): number {
    return this.#matrices?.size ?? this.points.length
  }

  /** The place in `owner[name]` and `owner[indexName]`. */
  read(owner: Record<string, unknown>, path: string, name: string, indexName: string): Place {
    const given = owner[name]
    const index = owner[indexName]
    const location = given === undefined ? undefined : this.#coordinates(given, `${path}.${name}`)
    const most = this.#matrices === null ? 2 ** 32 : Math.max(0, this.#matrices.size - 1)
    const locationIndex =
      index === undefined ? undefined : this.#reader.integer(index, `${path}.${indexName}`, 0, most)
    return {
      ...(location !== undefined && { location }),
      ...(locationIndex !== undefined && { locationIndex }),
      row: this.#rowOf(location, locationIndex, { name: `${path}.${name}`, index: `${path}.${indexName}` }),
    }
  }

  #coordinates(value: unknown, path: string): readonly [number, number] {
    if (!Array.isArray(value) || value.length !== 2) {
      this.#reader.report(path, 'must be an array of two numbers: longitude and latitude')
      return [0, 0]
    }
    return [
      this.#reader.number(value[0], `${path}.0`, -180, 180),
      this.#reader.number(value[1], `${path}.1`, -90, 90),
    ]
  }

  #rowOf(
    location: readonly [number, number] | undefined,
    index: number | undefined,
    paths: { name: string; index: string },
  ): number {
    if (this.#matrices !== null) {
      if (index === undefined) this.#reader.report(paths.index, 'is missing: it is needed beside matrices')
      return index ?? 0
    }
    if (location === undefined) {
      this.#reader.report(paths.name, 'is missing: without matrices it is where travel times come from')
      return 0
    }
    const key = location.join(' ')
    const known = this.#rows.get(key)
    if (known !== undefined) return known
    const row = this.points.length
    if (row === MAX_LOCATIONS)
      this.#reader.report(
        paths.name,
        `is one more than the ${MAX_LOCATIONS} different places that are allowed`,
      )
    this.#rows.set(key, row)
    this.points.push({ longitude: location[0], latitude: location[1] })
    return row
  }
}
