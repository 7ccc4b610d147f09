import type {
  CoreV1Event,
  V1ContainerStatus,
  V1Deployment,
  V1Pod,
  V1PodCondition,
} from '@kubernetes/client-node'
import type { State } from './fake-cluster.ts'

const partOf = { 'app.kubernetes.io/part-of': 'urbanbloom' }

export function labelsOf(name: string): Record<string, string> {
  return { ...partOf, 'app.kubernetes.io/name': name }
}

/** A Deployment of two pods that is rolled out, unless `status` says otherwise. */
export function deployment(name: string, status: object = {}, spec: object = {}): V1Deployment {
  const whole = {
    observedGeneration: 1,
    replicas: 2,
    updatedReplicas: 2,
    readyReplicas: 2,
    availableReplicas: 2,
  }
  return {
    metadata: { name, generation: 1, labels: labelsOf(name) },
    spec: {
      replicas: 2,
      selector: { matchLabels: { 'app.kubernetes.io/name': name } },
      template: { spec: { containers: [{ name: 'service' }] } },
      ...spec,
    },
    status: { ...whole, ...status },
  }
}

/** A pod that is ready, unless `container` or `conditions` say otherwise. */
export function pod(
  owner: string,
  suffix: string,
  container: Partial<V1ContainerStatus> = {},
  conditions?: Partial<V1PodCondition>[],
): V1Pod {
  const ready = container.ready ?? container.state === undefined
  return {
    metadata: {
      name: `${owner}-${suffix}`,
      uid: `${owner}-${suffix}`,
      creationTimestamp: new Date(),
      labels: labelsOf(owner),
    },
    spec: {
      nodeName: 'node-1',
      containers: [{ name: 'service', ports: [{ name: 'http', containerPort: 8080 }] }],
    },
    status: {
      phase: container.state?.waiting === undefined ? 'Running' : 'Pending',
      conditions: conditions ?? [{ type: 'Ready', status: ready ? 'True' : 'False' }],
      containerStatuses: [
        {
          name: 'service',
          image: `urbanbloom/${owner}:latest`,
          imageID: '',
          ready,
          restartCount: 0,
          state: { running: {} },
          ...container,
        },
      ],
    },
  } as V1Pod
}

export function warning(about: string, reason: string, message: string): CoreV1Event {
  return {
    metadata: { name: `${about}.1` },
    involvedObject: { kind: 'Pod', name: about },
    type: 'Warning',
    reason,
    message,
    count: 3,
    lastTimestamp: new Date(),
  }
}

/** A cluster where all is well: two nodes, two pods of each of these Deployments. */
export function healthyState(names: readonly string[]): State {
  return {
    deployments: names.map((name) => deployment(name)),
    pods: names.flatMap((name) => [pod(name, 'a'), pod(name, 'b')]),
    jobs: [],
    nodes: ['node-1', 'node-2'].map((name) => ({ metadata: { name }, spec: {} })),
    events: [],
    autoscalers: [],
    logs: {},
    evictionsToRefuse: 0,
    changes: [],
  }
}
