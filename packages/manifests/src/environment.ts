import type { V1EnvVar } from '@kubernetes/client-node'
import { type Manifest, mainContainer, type Workload } from './manifest.ts'

/** A value that a pod takes from a secret: which, and which of its keys. */
export type SecretReference = { secret: string; key: string }

/** The environment of a pod's main container, as the process would see it. */
export type Environment = {
  values: Record<string, string>
  /** Variables that are there for others to be put together from. */
  parts: Set<string>
  secrets: SecretReference[]
}

type ExternalSecret = { spec: { target: { name: string }; data: { secretKey: string }[] } }

/** Every key of every secret that the manifests make, with its value; one that comes from outside has a sample. */
export function secretsOf(manifests: readonly Manifest[]): Map<string, Record<string, string>> {
  const secrets = new Map<string, Record<string, string>>()
  for (const { kind, metadata, data } of manifests) {
    if (kind !== 'Secret') continue
    const decoded = Object.entries(data ?? {}).map(([key, value]) => [key, atob(value)])
    secrets.set(metadata.name, Object.fromEntries(decoded))
  }
  for (const each of manifests) {
    if (each.kind !== 'ExternalSecret') continue
    const { target, data } = (each as unknown as ExternalSecret).spec
    secrets.set(
      target.name,
      Object.fromEntries(data.map(({ secretKey }) => [secretKey, sampleOf(secretKey)])),
    )
  }
  return secrets
}

function sampleOf(key: string): string {
  if (key === 'REDIS_URL') return 'rediss://:sample@redis.example.com:6379'
  if (key === 'SMTP_URL') return 'smtps://sample:sample@mail.example.com:465'
  if (key === 'STRIPE_API_KEY') return 'sk_live_sample'
  return 'sample'.repeat(8)
}

/**
 * Puts a pod's environment together as the kubelet does.
 * @throws when a map, a secret or a key of one is not there, or a variable refers to one that is not defined before it.
 */
export function environmentOf(manifests: readonly Manifest[], workload: Workload): Environment {
  const container = mainContainer(workload)
  const secrets = secretsOf(manifests)
  const environment: Environment = { values: {}, parts: new Set(), secrets: [] }
  for (const { configMapRef } of container.envFrom ?? []) {
    Object.assign(environment.values, mapOf(manifests, configMapRef?.name))
  }
  for (const variable of container.env ?? []) {
    environment.values[variable.name] = valueOf(variable, { manifests, secrets, environment })
  }
  return environment
}

type Scope = {
  manifests: readonly Manifest[]
  secrets: Map<string, Record<string, string>>
  environment: Environment
}

function valueOf({ name, value, valueFrom }: V1EnvVar, scope: Scope): string {
  const { manifests, secrets, environment } = scope
  if (valueFrom?.secretKeyRef !== undefined) {
    const { name: secret = '', key } = valueFrom.secretKeyRef
    environment.secrets.push({ secret, key })
    return present(secrets.get(secret)?.[key], `${name}: the secret ${secret} with the key ${key}`)
  }
  if (valueFrom?.configMapKeyRef !== undefined) {
    const { name: map, key } = valueFrom.configMapKeyRef
    return present(mapOf(manifests, map)[key], `${name}: the key ${key} of the map ${map}`)
  }
  return (value ?? '').replace(/\$\((\w+)\)/g, (_whole, part: string) => {
    environment.parts.add(part)
    return present(environment.values[part], `${name}: a variable ${part} before it`)
  })
}

function mapOf(manifests: readonly Manifest[], name: string | undefined): Record<string, string> {
  const map = manifests.find(({ kind, metadata }) => kind === 'ConfigMap' && metadata.name === name)
  return present(map?.data, `the ConfigMap ${name}`)
}

function present<Value>(value: Value | undefined, what: string): Value {
  if (value === undefined) throw new Error(`Missing: ${what}`)
  return value
}
