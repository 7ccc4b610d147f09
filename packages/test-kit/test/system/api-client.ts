import { type HttpAnswer, request } from '@urbanbloom/test-kit/http'
import { expect } from 'vitest'
import * as z from 'zod'

export type Operation = { method: string; path: string; guarded: boolean }
export type Caller = ReturnType<Api['as']>
export type Api = Awaited<ReturnType<typeof openApi>>

type Described = {
  security?: object[]
  requestBody?: { required?: boolean; content: object }
  responses: Record<string, { $ref?: string; content?: Record<string, { schema: object }> }>
}
type Document = {
  openapi: string
  paths: Record<string, Record<string, Described>>
  components: { schemas: object; responses: Record<string, Described['responses'][string]> }
}
type Method = 'GET' | 'POST' | 'PATCH' | 'DELETE'
type Headers = Record<string, string>

/** The public API, each answer of which is held against the OpenAPI document that the gateway gives of itself. */
export async function openApi(gatewayUrl: string) {
  const { body } = await request('GET', `${gatewayUrl}/openapi.json`)
  const document: Document = body
  const operations: Operation[] = Object.entries(document.paths).flatMap(([path, item]) =>
    Object.entries(item).map(([method, { security }]) => ({
      method: method.toUpperCase(),
      path,
      guarded: security !== undefined,
    })),
  )

  async function call(method: Method, path: string, options: Parameters<typeof request>[2]) {
    const answer = await request(method, `${gatewayUrl}${path}`, options)
    assertDocumented(document, method, path, answer)
    return answer
  }
  return {
    document,
    operations,
    /** Calls as one person, or as nobody. */
    as: ({ token }: { token?: string } = {}) => ({
      get: (path: string, headers: Headers = {}) => call('GET', path, { token, headers }),
      post: (path: string, sent?: unknown, headers: Headers = {}) =>
        call('POST', path, { token, body: sent, headers }),
      patch: (path: string, sent: unknown) => call('PATCH', path, { token, body: sent }),
      delete: (path: string) => call('DELETE', path, { token }),
    }),
  }
}

/** An answer of `status` that the document promises; gives its body. */
export function bodyOf(status: number, answer: HttpAnswer) {
  expect(answer.status, JSON.stringify(answer.body)).toBe(status)
  return answer.body
}

/** An error in the one form that all errors have. */
export function expectProblem(answer: HttpAnswer, status: number, code: string): void {
  expect(answer.body, `instead of ${status} ${code}`).toMatchObject({
    type: expect.stringContaining(code),
    title: expect.any(String),
    status,
    detail: expect.any(String),
    instance: expect.stringMatching(/^\//),
    code,
    requestId: answer.headers['x-request-id'],
  })
  expect(answer.status).toBe(status)
  if (status === 401) expect(answer.headers['www-authenticate']).toBe('Bearer')
  expect(answer.headers['content-type']).toContain('application/problem+json')
  if (code === 'validation_failed') {
    expect(answer.body.errors[0]).toEqual({ path: expect.any(String), message: expect.any(String) })
  }
}

/**
 * Walks a list page by page, one item each, and expects to see what one large page shows; limits outside 1 to 100
 * and a cursor of nobody's are refused. The list must have more than one item.
 */
export async function expectPages(caller: Caller, list: string, key = 'id'): Promise<void> {
  const path = `${list}${list.includes('?') ? '&' : '?'}`
  const all: string[] = bodyOf(200, await caller.get(`${path}limit=100`)).items.map((item: any) => item[key])
  expect(all.length, `${list} has more than one page`).toBeGreaterThan(1)
  const seen: string[] = []
  for (let cursor: string | null = ''; cursor !== null; ) {
    const page = bodyOf(200, await caller.get(`${path}limit=1${cursor && `&cursor=${cursor}`}`))
    expect(page.items.length).toBeLessThanOrEqual(1)
    seen.push(...page.items.map((item: any) => item[key]))
    expect(seen.length, `${list} ends`).toBeLessThanOrEqual(all.length)
    cursor = page.nextCursor
  }
  expect(seen).toEqual(all)
  for (const limit of ['0', '101', '-1', '1.5', 'many']) {
    expectProblem(await caller.get(`${path}limit=${limit}`), 400, 'validation_failed')
  }
  expectProblem(await caller.get(`${path}cursor=nonsense`), 400, 'cursor_invalid')
}

function assertDocumented(document: Document, method: string, path: string, answer: HttpAnswer): void {
  const call = `${method} ${path} ${answer.status}`
  const described = describedAt(document, method, path.split('?', 1)[0] ?? path)
  if (described === undefined) return expectProblem(answer, 404, 'route_not_found')
  const named = described.responses[answer.status] ?? (answer.status >= 400 && described.responses.default)
  expect(named, `${call} is in the OpenAPI document`).toBeTruthy()
  if (!named) return
  const reference = named.$ref?.split('/').at(-1)
  const { content } = reference === undefined ? named : (document.components.responses[reference] ?? named)
  if (content === undefined || answer.body === '') return
  const type = answer.headers['content-type']?.split(';', 1)[0] ?? ''
  const schema = content[type]?.schema
  expect(schema, `${call} as ${type} is in the OpenAPI document`).toBeDefined()
  const parsed = toZod(document, schema ?? {}).safeParse(answer.body)
  expect(parsed.error?.issues, `${call} is as the OpenAPI document says`).toBeUndefined()
}

function describedAt(document: Document, method: string, path: string): Described | undefined {
  if (document.paths[path] !== undefined) return document.paths[path][method.toLowerCase()]
  const steps = path.split('/')
  const item = Object.entries(document.paths).find(([template]) => {
    const parts = template.split('/')
    return parts.length === steps.length && parts.every((part, at) => part === steps[at] || part[0] === '{')
  })
  return item?.[1][method.toLowerCase()]
}

function toZod({ components }: Document, schema: object): z.ZodType {
  // Zod reads a pattern without the flag that JSON Schema means, and so knows no Unicode classes.
  const readable = (key: string, value: unknown) =>
    key === 'pattern' && String(value).includes('\\p{') ? undefined : value
  const text = JSON.stringify({ ...schema, $defs: components.schemas }, readable)
  return z.fromJSONSchema(JSON.parse(text.replaceAll('#/components/schemas/', '#/$defs/')))
}
