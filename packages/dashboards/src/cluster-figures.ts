import { createServer } from 'node:http'
import { freePort } from '@urbanbloom/local/ports'

/**
 * What kube-state-metrics, cAdvisor and node-exporter would report of one pod on one node: a stand-in, because a
 * cluster cannot be had in a test. Names and labels are those that these programs document.
 */
export async function startClusterFigures(): Promise<{ target: string; close(): void }> {
  const begin = Date.now()
  const server = createServer((_, response) => {
    const seconds = (Date.now() - begin) / 1_000
    response.setHeader('content-type', 'text/plain; version=0.0.4')
    response.end(figures(seconds))
  })
  const port = await freePort()
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve))
  return { target: `127.0.0.1:${port}`, close: () => server.close() }
}

function figures(seconds: number): string {
  const ours = 'namespace="urbanbloom"'
  const pod = `${ours},pod="order-6f7c-x2x",container="order"`
  const lines: readonly [string, number][] = [
    [`kube_deployment_spec_replicas{${ours},deployment="order"}`, 2],
    [`kube_deployment_status_replicas_ready{${ours},deployment="order"}`, 2],
    [`kube_pod_container_status_restarts_total{${pod}}`, 1],
    [`kube_pod_status_phase{${ours},pod="order-6f7c-x2x",phase="Pending"}`, 0],
    ['kube_node_status_condition{node="a",condition="Ready",status="true"}', 1],
    [`kube_pod_container_resource_limits{${pod},resource="memory",unit="byte"}`, 268_435_456],
    [`kube_horizontalpodautoscaler_status_current_replicas{${ours},horizontalpodautoscaler="order"}`, 2],
    [`container_cpu_usage_seconds_total{${pod}}`, seconds / 5],
    [`container_memory_working_set_bytes{${pod}}`, 134_217_728],
    [`container_cpu_cfs_throttled_periods_total{${pod}}`, seconds],
    [`container_cpu_cfs_periods_total{${pod}}`, seconds * 10],
    ['node_cpu_seconds_total{cpu="0",mode="idle"}', seconds / 2],
    ['node_memory_MemAvailable_bytes', 2e9],
    ['node_memory_MemTotal_bytes', 4e9],
    ['node_filesystem_avail_bytes{mountpoint="/",fstype="ext4"}', 15e9],
    ['node_filesystem_size_bytes{mountpoint="/",fstype="ext4"}', 20e9],
  ]
  return `${lines.map(([series, value]) => `${series} ${value}`).join('\n')}\n`
}
