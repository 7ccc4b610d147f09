import type { FastifyDynamicSwaggerOptions } from '@fastify/swagger'
import { Problem } from '@urbanbloom/contracts/problem'
import { createJsonSchemaTransform, createJsonSchemaTransformObject } from 'fastify-type-provider-zod'
import type * as z from 'zod'

/** The `security` of a route that needs an access token. */
export const bearer = [{ bearer: [] }]

/**
 * The error answers of a route, from status to what it means and with which codes, to be spread into its
 * `response`. Handlers throw their errors, so for the type of what they return these answers do not exist.
 */
export function problems<const Meanings extends Record<number, string>>(meanings: Meanings) {
  const responses = Object.entries(meanings).map(([status, description]) => [
    status,
    { description, content: { 'application/problem+json': { schema: Problem } } },
  ])
  return Object.fromEntries(responses) as { [Status in keyof Meanings]: z.ZodNever }
}

/**
 * The options of `@fastify/swagger`: OpenAPI 3.1 with the scheme that `bearer` names. A zod schema with an id
 * (`.meta({ id })`) becomes a component of that name.
 */
export function openapiOptions(title: string): FastifyDynamicSwaggerOptions {
  return {
    openapi: {
      openapi: '3.1.0',
      info: { title, version: '1' },
      components: {
        securitySchemes: {
          bearer: {
            type: 'http',
            scheme: 'bearer',
            bearerFormat: 'JWT',
            description: 'The `accessToken` of `POST /v1/auth/login`',
          },
        },
      },
    },
    transform: createJsonSchemaTransform({}),
    transformObject: (document) => tidy(addComponents(document)),
  }
}

const addComponents = createJsonSchemaTransformObject({})

type Document = ReturnType<NonNullable<FastifyDynamicSwaggerOptions['transformObject']>>
type Schemas = Record<string, unknown>
type RequestBody = { content: Record<string, { schema: { anyOf?: { type?: string }[] } }> }

const reference = '#/components/schemas/'

/**
 * Says of a body that may be null that it may be left out, and leaves out what only machines wrote: the input form of a component where it says the same as the output form,
 * components that nothing refers to, patterns that spell a format out, and bounds of every integer.
 */
function tidy(document: Document): Document {
  const { paths, components } = withoutNoise(withOptionalBodies(document)) as {
    paths: unknown
    components: { schemas: Schemas }
  }
  const { schemas, ...otherComponents } = components
  const merged = (name: string) => {
    const output = name.replace(/Input$/, '')
    return JSON.stringify(schemas[output]) === JSON.stringify(schemas[name]) ? output : name
  }
  const used: Schemas = {}
  const follow = (value: unknown): unknown =>
    mapObjects(value, (object) => {
      if (typeof object.$ref !== 'string' || !object.$ref.startsWith(reference)) return object
      const name = merged(object.$ref.slice(reference.length))
      if (!(name in used)) {
        used[name] = null
        used[name] = follow(schemas[name])
      }
      return { ...object, $ref: `${reference}${name}` }
    })
  return {
    ...document,
    paths: follow(paths),
    components: { ...otherComponents, schemas: used },
  } as Document
}

function withOptionalBodies(value: unknown): unknown {
  return mapObjects(value, (object) => {
    const body = object.requestBody as RequestBody | undefined
    const choices = body?.content['application/json']?.schema.anyOf
    if (!choices?.some(({ type }) => type === 'null')) return object
    return { ...object, requestBody: { ...body, required: false } }
  })
}

function withoutNoise(value: unknown): unknown {
  return mapObjects(value, (object) => {
    const { pattern, minimum, maximum, ...rest } = object
    return {
      ...rest,
      ...(pattern !== undefined && !(typeof pattern === 'string' && 'format' in object) && { pattern }),
      ...(minimum !== undefined && minimum !== Number.MIN_SAFE_INTEGER && { minimum }),
      ...(maximum !== undefined && maximum !== Number.MAX_SAFE_INTEGER && { maximum }),
    }
  })
}

function mapObjects(
  value: unknown,
  change: (object: Record<string, unknown>) => Record<string, unknown>,
): unknown {
  if (Array.isArray(value)) return value.map((item) => mapObjects(item, change))
  if (value === null || typeof value !== 'object') return value
  const members = Object.entries(value).map(([name, member]) => [name, mapObjects(member, change)])
  return change(Object.fromEntries(members) as Record<string, unknown>)
}
