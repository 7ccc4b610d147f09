import { readFileSync } from 'node:fs'
import path from 'node:path'
import { load } from 'js-yaml'
import { expect, test } from 'vitest'
import { environmentOf, secretsOf } from '../src/environment.ts'
import { type Manifest, workloadsOf } from '../src/manifest.ts'
import { manifestsFolder, renderFolder } from '../src/render.ts'
import { variants } from '../src/variants.ts'

type ExternalSecret = Manifest & {
  spec: {
    secretStoreRef: { kind: string; name: string }
    target: { name: string; creationPolicy?: string; deletionPolicy?: string }
    data: { secretKey: string; remoteRef: { key: string; property?: string } }[]
  }
}
type SecretStore = Manifest & {
  spec: {
    provider: { aws: { service: string; region: string; auth: { jwt: { serviceAccountRef: object } } } }
  }
}
type Statement = { Effect: string; Action: string[]; Resource: string }
type ServiceAccount = {
  metadata: { name: string; namespace: string }
  wellKnownPolicies?: object
  attachPolicy?: { Statement: Statement[] }
}
type Cluster = {
  metadata: { region: string }
  iam: { withOIDC?: boolean; serviceAccounts: ServiceAccount[] }
}

const production = await renderFolder('overlays/production')
const cluster = load(readFileSync(path.join(manifestsFolder, 'eks/cluster.yaml'), 'utf8')) as Cluster
const external = production.filter(({ kind }) => kind === 'ExternalSecret') as ExternalSecret[]

test('each key that a pod reads comes from the property of that name in the secret of that name', () => {
  for (const { metadata, spec } of external) {
    expect(spec.secretStoreRef).toEqual({ kind: 'SecretStore', name: 'aws' })
    // A secret that AWS does not answer for stays: pods go on with what they were given.
    expect(spec.target).toEqual({ name: metadata.name, deletionPolicy: 'Retain' })
    for (const { secretKey, remoteRef } of spec.data) {
      expect(remoteRef).toEqual({ key: `urbanbloom/${metadata.name}`, property: secretKey })
    }
  }
  const made = [...secretsOf(production)].flatMap(([name, keys]) =>
    Object.keys(keys).map((key) => `${name} ${key}`),
  )
  const read = workloadsOf(production)
    .flatMap((pod) => environmentOf(production, pod).secrets)
    .map(({ secret, key }) => `${secret} ${key}`)
  expect([...new Set(read)].toSorted()).toEqual(made.toSorted())
})

test('the store asks AWS in the region of the cluster, as an account that is there and may', () => {
  const stores = production.filter(({ kind }) => kind === 'SecretStore') as SecretStore[]
  expect(stores.map(({ metadata }) => metadata.name)).toEqual(['aws'])
  const { service, region, auth } = (stores[0] as SecretStore).spec.provider.aws
  expect({ service, region }).toEqual({ service: 'SecretsManager', region: cluster.metadata.region })
  expect(auth.jwt.serviceAccountRef).toEqual({ name: 'secrets-reader' })
  const account = production.find(
    ({ kind, metadata }) => kind === 'ServiceAccount' && metadata.name === 'secrets-reader',
  )
  expect(account?.metadata.annotations).toHaveProperty(['eks.amazonaws.com/role-arn'])
})

test.each(Object.entries(variants))(
  '%s: no pod starts without a value that it is to have',
  (_, manifests) => {
    for (const { name, containers } of workloadsOf(manifests)) {
      for (const { env = [], envFrom = [] } of containers) {
        const references = [
          ...env.flatMap(({ valueFrom }) => [valueFrom?.secretKeyRef, valueFrom?.configMapKeyRef]),
          ...envFrom.flatMap(({ configMapRef, secretRef }) => [configMapRef, secretRef]),
        ]
        expect(
          references.filter((each) => each?.optional),
          name,
        ).toEqual([])
      }
    }
  },
)

test('a changed secret of the local overlay rolls the pods that read it', () => {
  const secrets = variants.local.filter(({ kind }) => kind === 'Secret').map(({ metadata }) => metadata.name)
  expect(secrets.length).toBeGreaterThan(4)
  for (const name of secrets) expect(name).toMatch(/-[a-z0-9]{10}$/)
})

test('each role of AWS may do exactly this', () => {
  const bucket = 'arn:aws:s3:::urbanbloom-objects-*'
  const pictures: Statement[] = [
    { Effect: 'Allow', Action: ['s3:GetObject', 's3:PutObject', 's3:DeleteObject'], Resource: `${bucket}/*` },
    { Effect: 'Allow', Action: ['s3:ListBucket'], Resource: bucket },
  ]
  const secrets: Statement[] = [
    {
      Effect: 'Allow',
      Action: ['secretsmanager:GetSecretValue', 'secretsmanager:DescribeSecret'],
      // A secret's address ends in letters that AWS makes up.
      Resource: `arn:aws:secretsmanager:${cluster.metadata.region}:*:secret:urbanbloom/*`,
    },
  ]
  const own = (statements: Statement[], name: string) => ({
    metadata: { name, namespace: 'urbanbloom' },
    roleName: `urbanbloom-${name}`,
    roleOnly: true,
    attachPolicy: { Version: '2012-10-17', Statement: statements },
  })
  // The two controllers have the policies that AWS and eksctl write for them.
  const known = (name: string, policy: string) => ({
    metadata: { name, namespace: 'kube-system' },
    wellKnownPolicies: { [policy]: true },
  })
  expect(cluster.iam).toEqual({
    withOIDC: true,
    serviceAccounts: [
      known('aws-load-balancer-controller', 'awsLoadBalancerController'),
      known('cluster-autoscaler', 'autoScaler'),
      own(secrets, 'secrets-reader'),
      ...['order', 'delivery-routing', 'delivery-optimizer'].map((name) => own(pictures, name)),
    ],
  })
})
