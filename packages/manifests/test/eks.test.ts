import { readFileSync } from 'node:fs'
import path from 'node:path'
import { load } from 'js-yaml'
import { expect, test } from 'vitest'
import { type Manifest, mainContainer, workload, workloadsOf } from '../src/manifest.ts'
import { repository } from '../src/program.ts'
import { manifestsFolder, renderFolder } from '../src/render.ts'

type ClusterConfig = {
  availabilityZones: string[]
  metadata: { name: string; region: string }
  vpc: { cidr: string }
  iam: {
    serviceAccounts: {
      metadata: { name: string; namespace: string }
      roleName?: string
      attachPolicy?: { Statement: Statement[] }
    }[]
  }
  addons: { name: string; configurationValues?: string }[]
  managedNodeGroups: { instanceType: string; minSize: number; desiredCapacity: number; maxSize: number }[]
}
type Statement = { Resource: string }
type ExternalSecret = { spec: { data: { secretKey: string; remoteRef: { key: string } }[] } }

const production = await renderFolder('overlays/production')
const cluster = load(readFileSync(path.join(manifestsFolder, 'eks/cluster.yaml'), 'utf8')) as ClusterConfig
const guide = readFileSync(path.join(repository, 'docs/deploy-eks.md'), 'utf8')
const operating = readFileSync(path.join(repository, 'docs/operate-eks.md'), 'utf8')
const parameters = production.find(({ metadata }) => metadata.name === 'parameters')?.data ?? {}

test('the cluster is the one that the manifests and the guide mean', () => {
  expect(cluster.metadata).toMatchObject({ name: 'urbanbloom-cluster', region: 'us-east-1' })
  expect(cluster.managedNodeGroups).toMatchObject([
    {
      instanceType: 't3.medium',
      minSize: 1,
      desiredCapacity: 3,
      maxSize: 5,
      // Nodes have no address outside, pods none of the nodes' rights, and the autoscaler finds the group by its tags.
      privateNetworking: true,
      disablePodIMDS: true,
      volumeEncrypted: true,
      tags: {
        'k8s.io/cluster-autoscaler/enabled': 'true',
        [`k8s.io/cluster-autoscaler/${cluster.metadata.name}`]: 'owned',
      },
    },
  ])
  // Without its figures no HorizontalPodAutoscaler scales.
  expect(cluster.addons.map(({ name }) => name)).toContain('metrics-server')
  expect(new Set(cluster.availabilityZones).size).toBeGreaterThanOrEqual(2)
  for (const zone of cluster.availabilityZones) expect(zone).toMatch(/^us-east-1[a-f]$/)
  expect(cluster.vpc.cidr).toBe(parameters.vpc)
  expect(guide).toContain(`vpc: ${cluster.vpc.cidr}`)
  const network = cluster.addons.find(({ name }) => name === 'vpc-cni')
  expect(JSON.parse(network?.configurationValues ?? '{}')).toEqual({ enableNetworkPolicy: 'true' })
})

test('the cluster file makes the role of every account that has one, in this AWS account', () => {
  const accounts = production.filter(({ kind }) => kind === 'ServiceAccount')
  const roleOf = ({ metadata }: Manifest) => metadata.annotations?.['eks.amazonaws.com/role-arn']
  const withRole = accounts.filter((each) => roleOf(each) !== undefined)
  const made = cluster.iam.serviceAccounts.filter(({ roleName }) => roleName !== undefined)
  expect(withRole.map(({ metadata }) => metadata.name).toSorted()).toEqual(
    made.map(({ metadata }) => metadata.name).toSorted(),
  )
  for (const each of withRole) {
    const role = made.find(({ metadata }) => metadata.name === each.metadata.name)
    expect(each.metadata.namespace).toBe(role?.metadata.namespace)
    expect(roleOf(each)).toBe(`arn:aws:iam::${parameters.account}:role/${role?.roleName}`)
  }
})

test('a role may do what its pods do, and to nothing else', () => {
  const resourcesOf = (name: string) =>
    cluster.iam.serviceAccounts
      .find(({ metadata }) => metadata.name === name)
      ?.attachPolicy?.Statement.map(({ Resource }) => Resource) ?? []
  const [secrets = 'none', ...further] = resourcesOf('secrets-reader')
  expect(further).toEqual([])
  const allowed = secrets.split(':secret:')[1]?.replace('*', '') ?? 'none'
  const keys = secretsOfProduction().map(({ remote }) => remote)
  expect(keys.filter((key) => !key.startsWith(allowed))).toEqual([])
  const bucket = new URL(parameters.objectStore ?? '').host.replace(parameters.account ?? '', '*')
  for (const name of ['delivery-routing', 'delivery-optimizer']) {
    expect(resourcesOf(name)).toEqual([`arn:aws:s3:::${bucket}/*`, `arn:aws:s3:::${bucket}`])
  }
})

function secretsOfProduction() {
  return production
    .filter(({ kind }) => kind === 'ExternalSecret')
    .flatMap((each) =>
      (each as unknown as ExternalSecret).spec.data.map(({ secretKey, remoteRef }) => ({
        key: secretKey,
        remote: remoteRef.key,
      })),
    )
}

test('the guide makes every secret and every image that production asks for', () => {
  const made = guide.split('\nput ')
  for (const { key, remote } of secretsOfProduction()) {
    const name = remote.replace('urbanbloom/', '')
    expect(
      made.find((each) => each.startsWith(`${name} `)),
      name,
    ).toContain(`${key}:`)
  }
  const loop = /for image in ([\w -]+); do/.exec(guide)?.[1]?.split(' ') ?? []
  const images = workloadsOf(production).flatMap(
    (pod) => /urbanbloom\/([\w-]+):/.exec(mainContainer(pod).image ?? '')?.[1] ?? [],
  )
  expect(loop.toSorted()).toEqual([...new Set(images)].toSorted())
})

test('the guide writes every parameter, and the map that only it can make', () => {
  for (const name of Object.keys(parameters)) expect(guide).toMatch(new RegExp(`^ {2}${name}: `, 'm'))
  const { spec } = workload(production, 'order')
  expect(spec.volumes?.map(({ configMap }) => configMap?.name)).toEqual(['database-ca'])
  expect(guide).toContain('create configmap database-ca --from-file=ca.pem=')
})

test('the guide installs the operator of every kind of object that production sends', () => {
  const charts: Record<string, string> = {
    'keda.sh': 'kedacore/keda',
    'external-secrets.io': 'external-secrets/external-secrets',
  }
  const groups = new Set(production.map(({ apiVersion }) => apiVersion.split('/')[0] ?? ''))
  // Kubernetes' own groups have one word, or end in k8s.io.
  const foreign = [...groups].filter((group) => group.includes('.') && !group.endsWith('k8s.io'))
  expect(foreign.toSorted()).toEqual(Object.keys(charts).toSorted())
  for (const group of foreign)
    expect(guide).toMatch(new RegExp(`^helm upgrade --install \\S+ ${charts[group]}`, 'm'))
})

test('whoever operates needs nothing from the shell in which the account was built', () => {
  const blocks = [...operating.matchAll(/```bash\n([^]*?)```/g)].map(([, text = '']) => text)
  const [first = '', ...rest] = blocks
  const assigned = (text: string) =>
    [...text.matchAll(/(?:^|[\s;(])(?:read -rs |for )?([A-Za-z_]+)(?==| in | && export)/gm)].map(
      ([, name]) => name,
    )
  const used = (text: string) => [...text.matchAll(/\$\{?([A-Za-z_]+)/g)].map(([, name]) => name)
  expect(rest.length).toBeGreaterThan(8)
  for (const block of rest) {
    // jq has variables of its own, which it is given.
    const known = [
      ...assigned(first),
      ...assigned(block),
      ...[...block.matchAll(/--arg (\w+)/g)].map(([, name]) => name),
    ]
    expect(
      used(block).filter((name) => !known.includes(name)),
      block,
    ).toEqual([])
  }
})

test('what the guide makes, taking down deletes', () => {
  const made = [...guide.matchAll(/aws ([\w-]+) (?:create|request)-([\w-]+)/g)].map(
    ([, service, what]) => `aws ${service} delete-${what}`,
  )
  expect(new Set(made).size).toBeGreaterThan(8)
  const [, down = ''] = operating.split('## Take it all down')
  expect([...new Set(made)].filter((command) => !down.includes(command))).toEqual([])
})

test('RDS accepts as many connections as the local Postgres', async () => {
  const args = mainContainer(workload(await renderFolder('overlays/local'), 'postgres')).args?.join(' ') ?? ''
  const accepted = /max_connections=(\d+)/.exec(args)?.[1]
  expect(guide).toContain(`ParameterName=max_connections,ParameterValue=${accepted},`)
})
