import { readdir, readFile } from 'node:fs/promises'
import path from 'node:path'
import { isDeepStrictEqual } from 'node:util'
import { expect, test } from 'vitest'
import type { Manifest } from '../src/manifest.ts'
import {
  componentNames,
  manifestsFolder,
  renderFolder,
  renderWith,
  renderWithKubectl,
} from '../src/render.ts'
import { fieldsOfModel, modelName, problemsOf } from '../src/schema.ts'

const components = await componentNames()

/*
 * Every combination renders if these do. What makes one fail is an object that two components bring, which all together
 * show; or something that one needs and the base does not have, which the one alone shows.
 */
const subsets = [[], ...components.map((each) => [each]), components]

test.concurrent.each(subsets.map((subset) => [subset.join(' + ') || 'nothing', subset] as const))(
  'the base with %s renders, each object once',
  { timeout: 120_000 },
  async (_title, subset) => {
    const names = (await renderWith(subset)).map(identityOf)
    expect(new Set(names).size).toBe(names.length)
    expect(names.length).toBeGreaterThan(30)
  },
)

test.each(['overlays/local', 'overlays/production'])('%s is valid by the schemas', async (overlay) => {
  await expectValid(await renderFolder(overlay))
})

test('everything together is valid by the schemas', async () => {
  await expectValid(await renderWith(components))
})

test('the schemas find a wrong type, a missing field and a field that does not exist', async () => {
  const service = { apiVersion: 'v1', kind: 'Service', metadata: { name: 'a' } }
  const wrong = { ...service, spec: { ports: [{ port: '80' }], selectorr: { a: 'b' } } }
  expect((await problemsOf(wrong)).join('\n')).toMatch(
    /port must be integer[^]*spec.selectorr: there is no such field/,
  )
  const missing = { ...service, spec: { ports: [{ name: 'http' }] } }
  expect((await problemsOf(missing)).join('\n')).toMatch(/required property port/)
})

test('types and schemas are those of the Kubernetes that the README and the cluster file name', async () => {
  const model = import.meta.resolve('@kubernetes/client-node').replace(/index\.js$/, 'gen/models/V1Pod.js')
  const version = /OpenAPI spec version: release-([\d.]+)/.exec(await readFile(new URL(model), 'utf8'))?.[1]
  const read = (file: string) => readFile(path.join(manifestsFolder, file), 'utf8')
  const named = [...(await read('README.md')).matchAll(/Kubernetes (\d[\d.]*\d)/g)].map(([, each]) => each)
  expect(new Set(named)).toEqual(new Set([version]))
  expect(await read('eks/cluster.yaml')).toContain(`version: "${version}"`)

  // The package of schemas does not say its version; each brings fields, so the same fields are the same version.
  const fields = await fieldsBySchema()
  expect(fields.length).toBeGreaterThan(300)
  const other = fields.filter(({ model: name, names }) => !isDeepStrictEqual(fieldsOfModel(name), names))
  expect(other.map(({ model: name }) => name)).toEqual([])
})

const groups = ['v1', 'apps/v1', 'batch/v1', 'networking.k8s.io/v1', 'policy/v1', 'autoscaling/v2']

/** The fields of every type in the groups that the manifests use, by the name that the client has for the type. */
async function fieldsBySchema(): Promise<{ model: string; names: string[] }[]> {
  const folder = new URL('..', import.meta.resolve('kubernetes-models/v1/Pod'))
  const types = await Promise.all(
    groups.map(async (group) => {
      const files = await readdir(new URL(group, folder))
      return Promise.all(
        files
          .filter((file) => file.endsWith('.d.ts') && file !== 'index.d.ts')
          .map(async (file) => {
            const name = path.basename(file, '.d.ts')
            const text = await readFile(new URL(`${group}/${file}`, folder), 'utf8')
            const body = text.split(`export interface I${name} `)[1]?.split('\n}')[0] ?? ''
            const names = [...body.matchAll(/^ {4}"(\w+)"\??:/gm)].map(([, field]) => field as string)
            return { model: modelName({ apiVersion: group, kind: name }), names: names.toSorted() }
          }),
      )
    }),
  )
  // What only one of the two has a name for, such as a type of the schema language, has no fields to compare.
  return types.flat().filter(({ model }) => fieldsOfModel(model).length > 0)
}

test('a changed value changes the name of its map, and so the pods that read it', async () => {
  const overlays = await Promise.all(['overlays/local', 'overlays/production'].map(renderFolder))
  const [local, production] = overlays.map((manifests) =>
    manifests
      .filter(({ kind }) => kind === 'ConfigMap')
      .map(({ metadata }) => metadata.name)
      .find((name) => name.startsWith('database-')),
  )
  expect(local).toBeDefined()
  expect(local).not.toBe(production)
})

// The renderer from npm is the oldest that we support; a developer's own kubectl has a newer one inside.
test.each(['overlays/local', 'overlays/production'])('kubectl renders the same %s', async (overlay) => {
  const [ours, kubectls] = await Promise.all([renderFolder(overlay), renderWithKubectl(overlay)])
  if (kubectls !== undefined) expect(kubectls).toEqual(ours)
})

async function expectValid(manifests: Manifest[]): Promise<void> {
  const problems = await Promise.all(
    manifests.map(async (each) =>
      (await problemsOf(each)).map((problem) => `${identityOf(each)}: ${problem}`),
    ),
  )
  expect(problems.flat()).toEqual([])
}

function identityOf({ apiVersion, kind, metadata }: Manifest): string {
  return `${apiVersion} ${kind} ${metadata.namespace ?? ''}/${metadata.name}`
}
