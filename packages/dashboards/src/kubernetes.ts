import { figure, graph, row, tableOf } from './elements.ts'
import { page } from './page.ts'

const ours = 'namespace="urbanbloom"'

/** The cluster, by kube-state-metrics, the kubelets and node-exporter. */
export const kubernetes = page(
  'kubernetes',
  'Kubernetes',
  {
    says: 'Pods and nodes, by kube-state-metrics, cAdvisor and node-exporter. Empty outside a cluster.',
  },
  [
    figure({
      title: 'Pods that are ready',
      says: 'Of all that should be.',
      unit: 'percentunit',
      width: 6,
      query: `sum(kube_deployment_status_replicas_ready{${ours}}) / sum(kube_deployment_spec_replicas{${ours}})`,
      limits: [1, 0.8],
    }),
    figure({
      title: 'Restarts in the last hour',
      says: 'Containers that ended and were started again.',
      unit: 'short',
      width: 6,
      decimals: 0,
      query: `sum(increase(kube_pod_container_status_restarts_total{${ours}}[1h]))`,
      limits: [1, 5],
    }),
    figure({
      title: 'Pods that wait for a node',
      says: 'Pending: no node has room.',
      unit: 'short',
      width: 6,
      query: `sum(kube_pod_status_phase{${ours},phase="Pending"})`,
      limits: [1, 5],
    }),
    figure({
      title: 'Nodes that are ready',
      says: 'Of the cluster.',
      unit: 'short',
      width: 6,
      query: 'sum(kube_node_status_condition{condition="Ready",status="true"})',
    }),
    row('Pods'),
    graph({
      title: 'CPU by pod, in cores',
      says: 'One is a whole core.',
      unit: 'short',
      width: 8,
      queries: [
        [
          `sum by (pod) (rate(container_cpu_usage_seconds_total{${ours},container!=""}[$__rate_interval]))`,
          '{{pod}}',
        ],
      ],
    }),
    graph({
      title: 'Memory by pod, of its limit',
      says: 'At the limit the kernel ends the process.',
      unit: 'percentunit',
      width: 8,
      max: 1,
      limit: 0.9,
      queries: [
        [
          `sum by (pod) (container_memory_working_set_bytes{${ours},container!=""}) / sum by (pod) (kube_pod_container_resource_limits{${ours},resource="memory"})`,
          '{{pod}}',
        ],
      ],
    }),
    graph({
      title: 'CPU held back',
      says: 'Share of periods in which a container wanted more than its limit.',
      unit: 'percentunit',
      width: 8,
      queries: [
        [
          `sum by (pod) (rate(container_cpu_cfs_throttled_periods_total{${ours}}[$__rate_interval])) / (sum by (pod) (rate(container_cpu_cfs_periods_total{${ours}}[$__rate_interval])) > 0)`,
          '{{pod}}',
        ],
      ],
    }),
    graph({
      title: 'Replicas',
      says: 'As the autoscalers want them.',
      unit: 'short',
      width: 12,
      queries: [
        [
          `max by (horizontalpodautoscaler) (kube_horizontalpodautoscaler_status_current_replicas{${ours}})`,
          '{{horizontalpodautoscaler}}',
        ],
      ],
    }),
    tableOf({
      title: 'Ready pods of each deployment',
      says: 'The fewest first.',
      unit: 'short',
      width: 12,
      query: `sort(max by (deployment) (kube_deployment_status_replicas_ready{${ours}}))`,
      columns: { deployment: 'deployment' },
      value: 'ready',
      limits: [2, 1],
    }),
    row('Nodes'),
    graph({
      title: 'CPU by node',
      says: 'Share that is not idle.',
      unit: 'percentunit',
      width: 8,
      max: 1,
      limit: 0.8,
      queries: [
        [
          '1 - avg by (instance) (rate(node_cpu_seconds_total{mode="idle"}[$__rate_interval]))',
          '{{instance}}',
        ],
      ],
    }),
    graph({
      title: 'Memory by node',
      says: 'Share in use.',
      unit: 'percentunit',
      width: 8,
      max: 1,
      queries: [
        [
          '1 - max by (instance) (node_memory_MemAvailable_bytes / node_memory_MemTotal_bytes)',
          '{{instance}}',
        ],
      ],
    }),
    graph({
      title: 'Disk by node',
      says: 'Share in use of the fullest disk.',
      unit: 'percentunit',
      width: 8,
      max: 1,
      queries: [
        [
          '1 - min by (instance) (node_filesystem_avail_bytes{fstype!~"tmpfs|overlay"} / node_filesystem_size_bytes{fstype!~"tmpfs|overlay"})',
          '{{instance}}',
        ],
      ],
    }),
  ],
)
