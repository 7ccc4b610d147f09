import { type Manifest, ofKind } from './manifest.ts'

/** Between how many replicas an autoscaler chooses. */
export type Scale = { min: number; max: number }

type ScaledObject = {
  spec: { scaleTargetRef: { name: string }; minReplicaCount: number; maxReplicaCount: number }
}

/**
 * What scales each Deployment, by its name.
 * @throws when an autoscaler's Deployment does not exist, or another one scales it already.
 */
export function scalesOf(manifests: readonly Manifest[]): Map<string, Scale> {
  const deployments = ofKind(manifests, 'Deployment').map(({ metadata }) => metadata.name)
  const scales = new Map<string, Scale>()
  const add = (name: string, scale: Scale) => {
    if (!deployments.includes(name)) throw new Error(`There is no Deployment ${name} to scale`)
    if (scales.has(name)) throw new Error(`Two autoscalers would fight about ${name}`)
    scales.set(name, scale)
  }
  for (const { spec } of ofKind(manifests, 'HorizontalPodAutoscaler')) {
    add(spec?.scaleTargetRef.name ?? '', { min: spec?.minReplicas ?? 1, max: spec?.maxReplicas ?? 0 })
  }
  for (const each of manifests.filter(({ kind }) => kind === 'ScaledObject')) {
    const { scaleTargetRef, minReplicaCount, maxReplicaCount } = (each as unknown as ScaledObject).spec
    add(scaleTargetRef.name, { min: minReplicaCount, max: maxReplicaCount })
  }
  return scales
}
