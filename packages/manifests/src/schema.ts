import * as kubernetes from '@kubernetes/client-node'
import type { Manifest } from './manifest.ts'

/** Where the schemas of an API group are: Kubernetes' own, and those of the operators that we use. */
function schemasOf(group: string): string {
  if (group === 'keda.sh') return '@kubernetes-models/keda'
  if (group === 'external-secrets.io') return '@kubernetes-models/external-secrets'
  return 'kubernetes-models'
}

/**
 * What is wrong with an object by the schema of its kind, and which fields of it Kubernetes does not know. Nothing
 * wrong is an empty list.
 */
export async function problemsOf(manifest: Manifest): Promise<string[]> {
  const { apiVersion, kind } = manifest
  const [group = ''] = apiVersion.split('/')
  const schemas = schemasOf(group)
  const module = await import(`${schemas}/${apiVersion}/${kind}`)
  const problems: string[] = []
  try {
    new module[kind](manifest).validate()
  } catch (err) {
    problems.push(err instanceof Error ? err.message : String(err))
  }
  // The schemas leave further fields alone, but the API server refuses them, and a typing error is one.
  if (schemas === 'kubernetes-models') problems.push(...unknownFields(manifest, modelName(manifest), kind))
  return problems
}

/** `apps/v1 Deployment` is `V1Deployment` in Kubernetes' own client. */
export function modelName({ apiVersion, kind }: Pick<Manifest, 'apiVersion' | 'kind'>): string {
  const version = apiVersion.split('/').at(-1) as string
  return `${version.charAt(0).toUpperCase()}${version.slice(1)}${kind}`
}

type Attribute = { baseName: string; type: string }
type Model = { attributeTypeMap: readonly Attribute[] }

const models = kubernetes as unknown as Record<string, Model | undefined>

/** The fields that Kubernetes' own client knows of a type, sorted; none where it does not know the type. */
export function fieldsOfModel(name: string): string[] {
  return (models[name]?.attributeTypeMap ?? []).map(({ baseName }) => baseName).toSorted()
}

/** Types of the client that hold nothing of their own. */
const LEAF = /^(string|number|boolean|any|object|Date|IntOrString|V1MicroTime)$/

function unknownFields(value: unknown, type: string, path: string): string[] {
  if (value === null || value === undefined || LEAF.test(type)) return []
  const item = /^(?:Array|Set)<(.+)>$/.exec(type)?.[1]
  if (item !== undefined) {
    return (value as unknown[]).flatMap((each, i) => unknownFields(each, item, `${path}[${i}]`))
  }
  const entry = /^\{ \[key: string\]: (.+); \}$/.exec(type)?.[1]
  if (entry !== undefined) {
    return Object.entries(value).flatMap(([name, each]) => unknownFields(each, entry, `${path}.${name}`))
  }
  const model = models[type]
  if (model === undefined) return [`${path}: Kubernetes has no type ${type}`]
  const attributes = new Map(model.attributeTypeMap.map((each) => [each.baseName, each.type]))
  return Object.entries(value).flatMap(([name, each]) => {
    const known = attributes.get(name)
    return known === undefined
      ? [`${path}.${name}: there is no such field`]
      : unknownFields(each, known, `${path}.${name}`)
  })
}
