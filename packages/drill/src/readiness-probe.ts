/**
 * How patient the manifests' readiness probes are (`k8s/base/every-service.yaml`; a test compares). Only the pause
 * between two probes is the drill's own, and shorter: its processes are told to stop before their balancer knows.
 */
export const readinessProbe = { timeoutMs: 4_000, failureThreshold: 2 } as const
