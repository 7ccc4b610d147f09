import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type S3Stub, signatureOf, startS3Stub } from '@urbanbloom/test-kit/s3-stub'
import { describe, expect, onTestFinished, test } from 'vitest'
import { readEnvironment } from '../src/config.ts'
import type { ObjectStore, ObjectStoreConfig } from '../src/object-store.ts'
import { objectStoreConfig, objectStoreEnvironment } from '../src/object-store-config.ts'
import { openObjectStore } from '../src/open-object-store.ts'

const keys = { accessKeyId: 'AKIDEXAMPLE', secretAccessKey: 'a secret/with+signs' }
const photo = Buffer.from([0xff, 0xd8, 0xff, 0, 1, 2, 3])

const configOf = (env: NodeJS.ProcessEnv) => objectStoreConfig(readEnvironment(env, objectStoreEnvironment))

async function temporaryFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'objects-'))
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  return folder
}

async function stub(options: Partial<Parameters<typeof startS3Stub>[0]> = {}): Promise<S3Stub> {
  const started = await startS3Stub({ keys, ...options })
  onTestFinished(() => started.close())
  return started
}

const bucketOf = ({ url }: S3Stub, more: NodeJS.ProcessEnv = {}) =>
  configOf({
    OBJECT_STORE_URL: `s3://plants/photos?region=us-east-1&endpoint=${url}`,
    AWS_ACCESS_KEY_ID: keys.accessKeyId,
    AWS_SECRET_ACCESS_KEY: keys.secretAccessKey,
    ...more,
  })

async function open(
  config: ObjectStoreConfig,
  limits?: Parameters<typeof openObjectStore>[1],
): Promise<ObjectStore> {
  const store = await openObjectStore(config, limits)
  onTestFinished(() => store.close())
  return store
}

test('the stub signs as the published example of Amazon does', () => {
  const headers = {
    host: 'examplebucket.s3.amazonaws.com',
    range: 'bytes=0-9',
    'x-amz-content-sha256': 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855',
    'x-amz-date': '20130524T000000Z',
  }
  const request = {
    method: 'GET',
    path: '/test.txt',
    headers,
    signedHeaders: Object.keys(headers),
    date: '20130524T000000Z',
    region: 'us-east-1',
  }
  expect(signatureOf(request, 'wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY')).toBe(
    'f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41',
  )
})

describe.each(['folder', 'bucket'] as const)('a %s', (kind) => {
  const opened = async (limits?: Parameters<typeof openObjectStore>[1]) => {
    if (kind === 'bucket') return open(bucketOf(await stub()), limits)
    return open(configOf({ OBJECT_STORE_URL: `file://${await temporaryFolder()}/deep` }), limits)
  }

  test('gives back what was put, with its type, until it is deleted', async () => {
    const store = await opened()
    const key = 'proofs/0190-a_b/photo.jpg'
    expect(await store.get(key)).toBeNull()
    await store.put(key, photo, { contentType: 'image/jpeg' })
    expect(await store.get(key)).toEqual({ body: photo, contentType: 'image/jpeg' })
    await store.put(key, Buffer.from('another'), { contentType: 'image/png' })
    expect(await store.get(key)).toEqual({ body: Buffer.from('another'), contentType: 'image/png' })
    await store.delete(key)
    await store.delete(key)
    expect(await store.get(key)).toBeNull()
  })

  test('takes and reads nothing above its limit', async () => {
    const small = await opened({ maxBytes: photo.length - 1 })
    await expect(small.put('a', photo, { contentType: 'image/jpeg' })).rejects.toMatchObject({
      kind: 'too_large',
      code: 'object_too_large',
    })
    const folder = await temporaryFolder()
    const server = await stub()
    const config = kind === 'bucket' ? bucketOf(server) : configOf({ OBJECT_STORE_URL: `file://${folder}` })
    await (await open(config)).put('a', photo, { contentType: 'image/jpeg' })
    const reader = await open(config, { maxBytes: photo.length - 1 })
    await expect(reader.get('a')).rejects.toMatchObject({ code: 'object_too_large' })
  })

  test.each(['', '/a', 'a//b', '../a', 'a/../b', 'a/.hidden', 'a b', 'ä', 'a'.repeat(513)])(
    'refuses the key %j',
    async (key) => {
      const store = await opened()
      await expect(store.get(key)).rejects.toThrow(/cannot be the key/)
    },
  )
})

test('a folder keeps files that a person can open, and no leftovers', async () => {
  const folder = await temporaryFolder()
  const store = await open({ kind: 'folder', folder })
  await store.put('proofs/p.jpg', photo, { contentType: 'image/jpeg' })
  expect(await readdir(join(folder, 'proofs'))).toEqual(['p.jpg', 'p.jpg.content-type'])
  expect(await readFile(join(folder, 'proofs/p.jpg'))).toEqual(photo)
})

test('a folder that cannot be made is named at the start', async () => {
  const file = join(await temporaryFolder(), 'file')
  await writeFile(file, '')
  await expect(openObjectStore({ kind: 'folder', folder: `${file}/objects` })).rejects.toThrow(
    /OBJECT_STORE_URL: the folder .*\/file\/objects cannot be written \(ENOTDIR\)/,
  )
})

describe('a bucket', () => {
  test('is asked by path, below its prefix, with a signed content type', async () => {
    const server = await stub()
    const store = await open(bucketOf(server))
    await store.put('p.jpg', photo, { contentType: 'image/jpeg' })
    expect(server.requests[0]).toMatchObject({ method: 'PUT', path: '/plants/photos/p.jpg' })
    expect(server.requests[0]?.headers.authorization).toContain('content-type')
  })

  test('that refuses the signature is unavailable, and the log gets its reason', async () => {
    const server = await stub()
    const store = await open(bucketOf(server, { AWS_SECRET_ACCESS_KEY: 'wrong' }))
    const failure = store.put('p', photo, { contentType: 'image/jpeg' })
    await expect(failure).rejects.toMatchObject({
      code: 'object_store_unavailable',
      cause: { message: expect.stringContaining('SignatureDoesNotMatch') },
    })
    expect(server.requests).toHaveLength(1)
    expect(server.objects.size).toBe(0)
  })

  test('that fails or breaks off is asked again, three times in all', async () => {
    const server = await stub()
    const store = await open(bucketOf(server))
    server.failures.push(503, 'cut')
    await store.put('p', photo, { contentType: 'image/jpeg' })
    expect(server.objects.size).toBe(1)
    server.failures.push(503, 500, 503)
    await expect(store.get('p')).rejects.toMatchObject({
      kind: 'unavailable',
      code: 'object_store_unavailable',
    })
    expect(server.requests).toHaveLength(6)
  })

  test('that never answers costs no more than the deadline', async () => {
    const server = await stub()
    const store = await open(bucketOf(server), { timeoutMs: 150 })
    server.failures.push('hang', 'hang', 'hang')
    await expect(store.get('p')).rejects.toMatchObject({ kind: 'timeout', code: 'object_store_timeout' })
  })
})

describe('the role of a pod', () => {
  async function answering(
    answer: (request: { url: string; body: string; authorization?: string }) => string | null,
  ) {
    const seen: string[] = []
    const server = createServer((request, response) => {
      const chunks: Buffer[] = []
      request.on('data', (chunk: Buffer) => chunks.push(chunk))
      request.on('end', () => {
        const body = Buffer.concat(chunks).toString()
        seen.push(body)
        const given = answer({ url: request.url ?? '', body, ...pick(request.headers.authorization) })
        response.writeHead(given === null ? 403 : 200)
        response.end(given ?? 'no')
      })
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    onTestFinished(() => void server.close())
    return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, seen }
  }
  const pick = (authorization: string | undefined) => (authorization === undefined ? {} : { authorization })

  const temporary = { ...keys, sessionToken: 'a session token+/=' }
  const soon = (minutes: number) => new Date(Date.now() + minutes * 60_000).toISOString()

  async function tokenFile(): Promise<string> {
    const file = join(await temporaryFolder(), 'token')
    await writeFile(file, 'the.web.token\n')
    return file
  }

  test.each([
    [60, 1],
    [3, 2],
  ])('comes from STS, is shared, and one that ends in %i minutes is renewed', async (minutes, fetched) => {
    const server = await stub({ keys: temporary })
    const role = 'arn:aws:iam::111122223333:role/plants'
    const sts = await answering(({ body }) => {
      const form = new URLSearchParams(body)
      if (form.get('WebIdentityToken') !== 'the.web.token' || form.get('RoleArn') !== role) return null
      return `<AssumeRoleWithWebIdentityResponse><AssumeRoleWithWebIdentityResult><Credentials>
        <AccessKeyId>${temporary.accessKeyId}</AccessKeyId><SecretAccessKey>${temporary.secretAccessKey}</SecretAccessKey>
        <SessionToken>${temporary.sessionToken}</SessionToken><Expiration>${soon(minutes)}</Expiration>
        </Credentials></AssumeRoleWithWebIdentityResult></AssumeRoleWithWebIdentityResponse>`
    })
    const env = {
      OBJECT_STORE_URL: `s3://plants?endpoint=${server.url}`,
      AWS_REGION: 'us-east-1',
      AWS_ROLE_ARN: role,
      AWS_WEB_IDENTITY_TOKEN_FILE: await tokenFile(),
      AWS_ENDPOINT_URL_STS: sts.url,
    }
    const store = await open(configOf(env))
    await Promise.all(['a', 'b', 'c'].map((key) => store.put(key, photo, { contentType: 'image/jpeg' })))
    expect(sts.seen).toHaveLength(1)
    expect(await store.get('b')).toMatchObject({ body: photo })
    expect(sts.seen).toHaveLength(fetched)
  })

  test('comes from the agent of Pod Identity', async () => {
    const server = await stub({ keys: temporary })
    const agent = await answering(({ authorization }) => {
      if (authorization !== 'the.web.token') return null
      const { accessKeyId, secretAccessKey, sessionToken } = temporary
      return JSON.stringify({
        AccessKeyId: accessKeyId,
        SecretAccessKey: secretAccessKey,
        Token: sessionToken,
        AccountId: '111122223333',
        Expiration: soon(60),
      })
    })
    const env = {
      OBJECT_STORE_URL: `s3://plants?region=us-east-1&endpoint=${server.url}`,
      AWS_CONTAINER_CREDENTIALS_FULL_URI: `${agent.url}/v1/credentials`,
      AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE: await tokenFile(),
    }
    const store = await open(configOf(env))
    await store.put('a', photo, { contentType: 'image/jpeg' })
    expect(server.objects.get('/plants/a')?.body).toEqual(photo)
  })

  test('that is refused makes the store unavailable and says by whom', async () => {
    const sts = await answering(() => null)
    const env = {
      OBJECT_STORE_URL: 's3://plants?region=us-east-1&endpoint=http://127.0.0.1:1',
      AWS_ROLE_ARN: 'arn:aws:iam::111122223333:role/plants',
      AWS_WEB_IDENTITY_TOKEN_FILE: await tokenFile(),
      AWS_ENDPOINT_URL_STS: sts.url,
    }
    await expect((await open(configOf(env))).get('a')).rejects.toMatchObject({
      code: 'object_store_unavailable',
      cause: { message: expect.stringMatching(/127\.0\.0\.1:\d+ gave no credentials: 403/) },
    })
  })
})

describe('the configuration', () => {
  test.each([
    ['http://bucket', /must be file:\/\/\/<folder> or s3:/],
    ['file:///', /must name a folder by its whole path/],
    ['file://host/folder', /must name a folder by its whole path/],
    ['s3://Bad_Bucket?region=us-east-1', /names no bucket/],
    ['s3://plants?zone=1', /unknown part zone/],
    ['s3://plants/a b?region=us-east-1', /path that cannot begin a key/],
    ['s3://plants?region=us-east-1&endpoint=ftp://x', /endpoint that is no http/],
    ['s3://plants', /needs \?region=…, or AWS_REGION/],
  ])('refuses %s', (url, message) => {
    expect(() => configOf({ OBJECT_STORE_URL: url })).toThrow(message)
  })

  test('refuses half a pair of keys, and a bucket without any when it opens', async () => {
    const url = 's3://plants?region=us-east-1'
    expect(() => configOf({ OBJECT_STORE_URL: url, AWS_ACCESS_KEY_ID: 'a' })).toThrow(
      /AWS_SECRET_ACCESS_KEY is not set, but AWS_ACCESS_KEY_ID is/,
    )
    await expect(openObjectStore(configOf({ OBJECT_STORE_URL: url }))).rejects.toThrow(/needs credentials/)
  })

  test('asks STS of the region unless told another', () => {
    const env = {
      OBJECT_STORE_URL: 's3://plants?region=eu-central-1',
      AWS_ROLE_ARN: 'arn:aws:iam::111122223333:role/plants',
      AWS_WEB_IDENTITY_TOKEN_FILE: '/token',
    }
    expect(configOf(env)).toMatchObject({
      credentials: { stsUrl: 'https://sts.eu-central-1.amazonaws.com/' },
    })
  })
})
