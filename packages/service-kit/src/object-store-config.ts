import { fileURLToPath } from 'node:url'
import * as z from 'zod'
import { ConfigError, httpUrl } from './config.ts'
import type { CredentialSource, ObjectStoreConfig } from './object-store.ts'

const BUCKET = /^[a-z0-9][a-z0-9-]{1,61}[a-z0-9]$/
const REGION = /^[a-z0-9-]{1,32}$/
const PREFIX = /^(?:[A-Za-z0-9_-][A-Za-z0-9._-]*\/)*$/

type Location =
  | { kind: 'folder'; folder: string }
  | { kind: 's3'; bucket: string; prefix: string; region: string | undefined; endpoint: string | undefined }

const ObjectStoreUrl = z.string().transform((text, context): Location => {
  const location = parse(text)
  if (typeof location !== 'string') return location
  context.addIssue({ code: 'custom', message: location })
  return z.NEVER
})

/** What a process that keeps objects reads. The names with AWS_ are Amazon's own; EKS sets those of a role. */
export const objectStoreEnvironment = {
  OBJECT_STORE_URL: ObjectStoreUrl,
  AWS_REGION: z.string().regex(REGION).optional(),
  AWS_ACCESS_KEY_ID: z.string().optional(),
  AWS_SECRET_ACCESS_KEY: z.string().optional(),
  AWS_SESSION_TOKEN: z.string().optional(),
  AWS_ROLE_ARN: z
    .string()
    .regex(/^arn:aws[\w-]*:iam::/, 'must be the ARN of a role')
    .optional(),
  AWS_WEB_IDENTITY_TOKEN_FILE: z.string().optional(),
  AWS_ENDPOINT_URL_STS: httpUrl.optional(),
  AWS_CONTAINER_CREDENTIALS_FULL_URI: httpUrl.optional(),
  AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE: z.string().optional(),
}

type Values = z.output<z.ZodObject<typeof objectStoreEnvironment>>

/**
 * The group that `openObjectStore` takes, from the variables of `objectStoreEnvironment`.
 * @throws ConfigError when a bucket is named without a region, or one half of a pair of credentials is missing.
 */
export function objectStoreConfig(values: Values): ObjectStoreConfig {
  const location = values.OBJECT_STORE_URL
  if (location.kind === 'folder') return location
  const region = location.region ?? values.AWS_REGION
  const problems = [
    ...(region === undefined ? ['OBJECT_STORE_URL: needs ?region=…, or AWS_REGION'] : []),
    ...incompletePairs(values),
  ]
  if (problems.length > 0 || region === undefined) {
    throw new ConfigError(problems)
  }
  return { ...location, region, credentials: credentialsOf(values, region) }
}

/** In the order in which Amazon's own libraries look. */
function credentialsOf(values: Values, region: string): CredentialSource | undefined {
  const { AWS_ACCESS_KEY_ID: accessKeyId, AWS_SECRET_ACCESS_KEY: secretAccessKey } = values
  if (accessKeyId !== undefined && secretAccessKey !== undefined) {
    return { kind: 'keys', accessKeyId, secretAccessKey, sessionToken: values.AWS_SESSION_TOKEN }
  }
  const { AWS_ROLE_ARN: roleArn, AWS_WEB_IDENTITY_TOKEN_FILE: webTokenFile } = values
  if (roleArn !== undefined && webTokenFile !== undefined) {
    const stsUrl = values.AWS_ENDPOINT_URL_STS ?? `https://sts.${region}.amazonaws.com/`
    return { kind: 'web_identity', roleArn, tokenFile: webTokenFile, stsUrl }
  }
  const { AWS_CONTAINER_CREDENTIALS_FULL_URI: url, AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE: tokenFile } =
    values
  return url === undefined || tokenFile === undefined ? undefined : { kind: 'container', url, tokenFile }
}

const pairs = [
  ['AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY'],
  ['AWS_ROLE_ARN', 'AWS_WEB_IDENTITY_TOKEN_FILE'],
  ['AWS_CONTAINER_CREDENTIALS_FULL_URI', 'AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE'],
] as const

function incompletePairs(values: Values): string[] {
  return pairs.flatMap(([one, other]) => {
    if ((values[one] === undefined) === (values[other] === undefined)) return []
    return [
      values[one] === undefined ? `${one} is not set, but ${other} is` : `${other} is not set, but ${one} is`,
    ]
  })
}

/** The location, or what is wrong with the text. */
function parse(text: string): Location | string {
  const url = URL.parse(text)
  if (url?.protocol === 'file:') {
    if (url.host !== '' || url.search !== '' || url.pathname === '/') {
      return 'must name a folder by its whole path, such as file:///var/lib/objects'
    }
    return { kind: 'folder', folder: fileURLToPath(url) }
  }
  if (url?.protocol !== 's3:') return 'must be file:///<folder> or s3://<bucket>?region=<region>'
  if (!BUCKET.test(url.host)) return 'names no bucket: lower-case letters, digits and dashes, 3 to 63'
  const unknown = [...url.searchParams.keys()].filter((name) => name !== 'region' && name !== 'endpoint')
  if (unknown.length > 0) return `has the unknown part ${unknown[0]}; it takes region and endpoint`
  const prefix = url.pathname.replace(/^\//, '')
  const ended = prefix === '' || prefix.endsWith('/') ? prefix : `${prefix}/`
  if (!PREFIX.test(ended)) return 'has a path that cannot begin a key'
  const region = url.searchParams.get('region') ?? undefined
  if (region !== undefined && !REGION.test(region)) return 'has a region that is none'
  const endpoint = url.searchParams.get('endpoint') ?? undefined
  if (endpoint !== undefined && !httpUrl.safeParse(endpoint).success)
    return 'has an endpoint that is no http(s) URL'
  return { kind: 's3', bucket: url.host, prefix: ended, region, endpoint }
}
