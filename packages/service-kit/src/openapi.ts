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
    transformObject: createJsonSchemaTransformObject({}),
  }
}
