import { invalidRequest } from './stripe-failure.ts'

export type FormValue = string | FormValue[] | { [key: string]: FormValue }
export type FormBody = { [key: string]: FormValue }

const MAX_PAIRS = 500
const MAX_DEPTH = 5
const FORBIDDEN = new Set(['__proto__', 'constructor', 'prototype'])

/** Decodes `a[b][c]=1&d[0]=2`, the form encoding of Stripe's API, into nested objects and lists. */
export function decodeForm(text: string): FormBody {
  const root = emptyObject()
  let pairs = 0
  for (const [name, value] of new URLSearchParams(text)) {
    pairs += 1
    if (pairs > MAX_PAIRS) throw invalidRequest(`A request carries at most ${MAX_PAIRS} parameters.`)
    place(root, splitName(name), value)
  }
  for (const key of Object.keys(root)) root[key] = listify(root[key] ?? '')
  return root
}

/** The decoded query string of a request's URL. */
export function decodeQuery(url: string): FormBody {
  const start = url.indexOf('?')
  return decodeForm(start < 0 ? '' : url.slice(start + 1))
}

function splitName(name: string): string[] {
  const match = /^([^[\]]+)((?:\[[^[\]]*\])*)$/.exec(name)
  if (!match) throw invalidRequest(`Invalid parameter name: ${name}`, { param: name })
  const inner = [...(match[2] ?? '').matchAll(/\[([^[\]]*)\]/g)].map((part) => part[1] ?? '')
  const path = [match[1] ?? '', ...inner]
  if (path.length > MAX_DEPTH || path.some((part) => FORBIDDEN.has(part))) {
    throw invalidRequest(`Invalid parameter name: ${name}`, { param: name })
  }
  return path
}

function place(root: FormBody, path: string[], value: string): void {
  let target = root
  for (const [depth, part] of path.entries()) {
    const key = part === '' ? String(Object.keys(target).length) : part
    if (depth === path.length - 1) {
      target[key] = value
      return
    }
    const next = target[key]
    if (next === undefined) {
      const made = emptyObject()
      target[key] = made
      target = made
    } else if (typeof next === 'object' && !Array.isArray(next)) {
      target = next
    } else {
      throw invalidRequest(`Parameter ${path[0]} is given both as a value and as a hash.`)
    }
  }
}

/** Objects whose keys are exactly 0, 1, 2, … were lists. */
function listify(value: FormValue): FormValue {
  if (typeof value === 'string' || Array.isArray(value)) return value
  const keys = Object.keys(value)
  const isList = keys.length > 0 && keys.every((key, index) => key === String(index))
  if (isList) return keys.map((key) => listify(value[key] ?? ''))
  for (const key of keys) value[key] = listify(value[key] ?? '')
  return value
}

/** Without a prototype, so that no parameter name can reach one. */
function emptyObject(): FormBody {
  const made: FormBody = Object.create(null)
  return made
}
