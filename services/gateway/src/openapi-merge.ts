import { isDeepStrictEqual } from 'node:util'
import { conventions, problemSchema, sharedResponses } from './openapi-conventions.ts'
import { type UpstreamName, upstreamOfPath } from './routing-table.ts'

type Json = Record<string, unknown>
type Operation = Json & { tags?: string[]; responses?: Json }
export type OpenApiDocument = {
  paths: Record<string, Record<string, unknown>>
  components?: Record<string, Json>
}

const operationKeys = new Set(['get', 'put', 'post', 'delete', 'options', 'head', 'patch', 'trace'])

/**
 * One document from those of the services: only what the routing table makes public, components under names that
 * do not clash, and what is true of every call said once.
 */
export function mergeDocuments(services: { name: UpstreamName; document: OpenApiDocument }[]) {
  const paths: OpenApiDocument['paths'] = { '/healthz': gatewayHealth }
  const components: Record<string, Json> = {
    schemas: {},
    responses: { ...sharedResponses },
    securitySchemes: { bearer: { type: 'http', scheme: 'bearer', bearerFormat: 'JWT' } },
  }
  for (const { name, document } of services) {
    const renamed = addComponents(components, name, document.components ?? {})
    for (const [path, item] of Object.entries(document.paths)) {
      if (upstreamOfPath(path) === name) paths[path] = toPublicItem(withRefs(item, renamed), name)
    }
  }
  // The services take it from the same contract; it is missing only where none of them has spoken.
  components.schemas = { Problem: problemSchema, ...components.schemas }
  return {
    openapi: '3.1.0',
    info: { title: 'UrbanBloom API', version: '1', description: conventions },
    servers: [{ url: '/' }],
    tags: tagsOf(paths),
    paths: Object.fromEntries(Object.entries(paths).toSorted(([a], [b]) => (a < b ? -1 : 1))),
    components,
  }
}

const gatewayHealth = {
  get: {
    tags: ['gateway'],
    summary: 'Whether the entrance is alive',
    responses: { 200: { description: 'It is' } },
  },
}

function toPublicItem(item: Json, service: UpstreamName): Json {
  return Object.fromEntries(
    Object.entries(item).map(([key, value]) => [
      key,
      operationKeys.has(key) ? toPublicOperation(value as Operation, service) : value,
    ]),
  )
}

function toPublicOperation(operation: Operation, service: UpstreamName): Operation {
  return {
    tags: [service],
    ...operation,
    responses: {
      429: { $ref: '#/components/responses/RateLimited' },
      503: { $ref: '#/components/responses/Unavailable' },
      default: { $ref: '#/components/responses/Problem' },
      ...withoutPlaceholder(operation.responses ?? {}),
    },
  }
}

/** Fastify says this of every response whose schema says nothing of itself. */
function withoutPlaceholder(responses: Json): Json {
  return Object.fromEntries(
    Object.entries(responses).map(([status, response]) => {
      const { description } = response as Json
      return [
        status,
        description === 'Default Response' ? { ...(response as Json), description: 'Success' } : response,
      ]
    }),
  )
}

/** The tags that calls carry, in the order of the services; others would be empty chapters. */
function tagsOf(paths: OpenApiDocument['paths']): { name: string }[] {
  const operations = Object.values(paths).flatMap((item) => Object.values(item) as Operation[])
  return [...new Set(operations.flatMap(({ tags = [] }) => tags))].map((name) => ({ name }))
}

/**
 * Adds a service's components. A name that stands for something else already gets the service's name in front.
 * @returns how the service's references have to change.
 */
function addComponents(
  into: Record<string, Json>,
  service: UpstreamName,
  from: Record<string, Json>,
): Map<string, string> {
  const renamed = new Map<string, string>()
  for (const [section, members] of Object.entries(from)) {
    // Security is described here, once for all services.
    if (section === 'securitySchemes') continue
    for (const [name, component] of Object.entries(members)) {
      const taken = into[section]?.[name]
      if (taken !== undefined && !isDeepStrictEqual(taken, component)) {
        renamed.set(`#/components/${section}/${name}`, `#/components/${section}/${service}.${name}`)
      }
    }
  }
  for (const [section, members] of Object.entries(from)) {
    if (section === 'securitySchemes') continue
    const target = (into[section] ??= {})
    for (const [name, component] of Object.entries(members)) {
      const key = renamed.has(`#/components/${section}/${name}`) ? `${service}.${name}` : name
      target[key] = withRefs(component, renamed)
    }
  }
  return renamed
}

function withRefs<T>(value: T, renamed: ReadonlyMap<string, string>): T {
  if (renamed.size === 0 || value === null || typeof value !== 'object') return value
  if (Array.isArray(value)) return value.map((item) => withRefs(item, renamed)) as T
  return Object.fromEntries(
    Object.entries(value).map(([key, member]) => [
      key,
      key === '$ref' && typeof member === 'string'
        ? (renamed.get(member) ?? member)
        : withRefs(member, renamed),
    ]),
  ) as T
}
