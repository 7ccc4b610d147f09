import { load } from 'js-yaml'
import { describe, expect, test } from 'vitest'
import { isService, type Manifest, ofKind, type Workload, workload, workloadsOf } from '../src/manifest.ts'
import { reaches } from '../src/network.ts'
import { podsAt, serviceAt, targetPortOf } from '../src/services.ts'
import { variants } from '../src/variants.ts'

type Relabeling = { source_labels?: string[]; regex?: string; action?: string }
type Discovery = { names: string[]; type: string; port: number }
type Job = {
  job_name: string
  scheme?: string
  metrics_path?: string
  dns_sd_configs?: Discovery[]
  static_configs?: { targets: string[] }[]
  kubernetes_sd_configs?: { role: string }[]
  relabel_configs?: Relabeling[]
}
type Configuration = {
  alerting: { alertmanagers: { dns_sd_configs: Discovery[] }[] }
  rule_files: string[]
  scrape_configs: Job[]
}

/** The configuration that the Prometheus of these manifests has mounted. */
function configurationOf(manifests: readonly Manifest[]): Configuration {
  const { spec } = workload(manifests, 'prometheus')
  const name = spec.volumes?.find((each) => each.name === 'configuration')?.configMap?.name
  const map = manifests.find(({ kind, metadata }) => kind === 'ConfigMap' && metadata.name === name)
  return load(map?.data?.['prometheus.yml'] ?? '') as Configuration
}

const portsOf = ({ containers }: Workload) => containers.flatMap(({ ports = [] }) => ports)

/** What the charts and add-ons of the exporters call themselves, and where those listen. */
const EXPORTERS: Record<string, { names: string[]; port: number }> = {
  'kube-state-metrics': { names: ['kube-state-metrics'], port: 8080 },
  'node-exporter': { names: ['node-exporter', 'prometheus-node-exporter'], port: 9100 },
  postgres: { names: ['postgres-exporter', 'prometheus-postgres-exporter'], port: 9187 },
  redis: { names: ['redis-exporter', 'prometheus-redis-exporter'], port: 9121 },
}
/** Asked wherever the component monitoring-exporters is; DNS knows no such names elsewhere. */
const EXPORTERS_JOB = 'exporters'
const NAME = '__meta_kubernetes_pod_label_app_kubernetes_io_name'
const PORT = '__meta_kubernetes_pod_container_port_number'

const { production, 'every component': everything } = variants

describe.each(Object.entries({ production, 'every component': everything }))('%s', (_, manifests) => {
  const prometheus = workload(manifests, 'prometheus')
  const { alerting, scrape_configs } = configurationOf(manifests)

  /** The pods that a question to DNS finds, each with its port, as Prometheus would ask them. */
  function found({ names, type, port }: Discovery): Workload[] {
    // Only a name without an address of its own has one for each pod.
    expect(type).toBe('A')
    return names.flatMap((name) => {
      expect(serviceAt(manifests, name)?.spec?.clusterIP, name).toBe('None')
      const pods = podsAt(manifests, name)
      expect(
        pods.map((pod) => pod.name),
        name,
      ).toEqual([name.replace(/-metrics$/, '')])
      for (const pod of pods) {
        expect(
          portsOf(pod).map(({ containerPort }) => containerPort),
          name,
        ).toContain(port)
        expect(reaches(manifests, prometheus, pod, { number: port }), name).toBe(true)
      }
      return pods
    })
  }

  test('Prometheus scrapes a port that exists of every service, and may reach it', () => {
    const scraped = scrape_configs
      .filter(({ job_name }) => job_name !== EXPORTERS_JOB)
      .flatMap(({ scheme = 'http', metrics_path = '/metrics', dns_sd_configs = [] }) =>
        dns_sd_configs.flatMap((discovery) => {
          expect([scheme, metrics_path]).toEqual(['http', '/metrics'])
          return found(discovery).map((pod) => {
            // A port may answer without being the one for figures: the pod's label names that.
            const meant = portsOf(pod).find(({ name }) => name === pod.labels['urbanbloom.example/metrics'])
            expect(discovery.port, pod.name).toBe(meant?.containerPort)
            return pod.name
          })
        }),
      )
    const services = workloadsOf(manifests).filter(isService)
    expect(scraped.toSorted()).toEqual(services.map(({ name }) => name).toSorted())
  })

  test('its alerts reach Alertmanager, and both are watched at the port that they have', () => {
    const receivers = alerting.alertmanagers.flatMap((each) => each.dns_sd_configs.flatMap(found))
    expect(receivers.map(({ name }) => name)).toEqual(['alertmanager'])
    const targets = scrape_configs.flatMap(({ static_configs = [] }) =>
      static_configs.flatMap((each) => each.targets),
    )
    const watched = targets.map((target) => {
      const [host = '', port] = target.split(':')
      if (host === 'localhost') {
        expect(portsOf(prometheus).map(({ containerPort }) => containerPort)).toContain(Number(port))
        return prometheus.name
      }
      const [pod] = podsAt(manifests, host)
      const service = serviceAt(manifests, host)
      const number = pod && service && targetPortOf(service, Number(port), pod)
      expect(number, target).toBeDefined()
      expect(pod && reaches(manifests, prometheus, pod, { number: number ?? 0 }), target).toBe(true)
      return pod?.name
    })
    expect(watched).toEqual(['prometheus', 'alertmanager'])
  })
})

test('with the figures of the cluster, everything else is scraped as without them', () => {
  const [without, within] = [configurationOf(production), configurationOf(everything)]
  const names = without.scrape_configs.map(({ job_name }) => job_name)
  expect(within).toMatchObject({ ...without, scrape_configs: expect.any(Array) })
  expect(within.scrape_configs.filter(({ job_name }) => names.includes(job_name))).toEqual(
    without.scrape_configs,
  )
})

test('the figures of the cluster come from where Kubernetes and its exporters have them', () => {
  const jobs = configurationOf(everything).scrape_configs.filter(
    ({ kubernetes_sd_configs }) => kubernetes_sd_configs,
  )
  const byName = new Map(jobs.map((job) => [job.job_name, job]))
  expect([...byName.keys()]).toEqual(['kubelet', 'cadvisor', ...Object.keys(EXPORTERS)])
  for (const [name, path] of [
    ['kubelet', undefined],
    ['cadvisor', '/metrics/cadvisor'],
  ] as const) {
    expect(byName.get(name)).toMatchObject({ scheme: 'https', kubernetes_sd_configs: [{ role: 'node' }] })
    expect(byName.get(name)?.metrics_path).toBe(path)
  }
  for (const [job, { names, port }] of Object.entries(EXPORTERS)) {
    const { relabel_configs = [], kubernetes_sd_configs, metrics_path } = byName.get(job) ?? {}
    expect([kubernetes_sd_configs, metrics_path], job).toEqual([[{ role: 'pod' }], undefined])
    const kept = (label: string) =>
      relabel_configs.find(({ source_labels, action }) => action === 'keep' && source_labels?.[0] === label)
        ?.regex
    for (const each of names) expect(each).toMatch(new RegExp(`^(?:${kept(NAME)})$`))
    expect(kept(PORT), job).toBe(String(port))
  }
  const policy = ofKind(everything, 'NetworkPolicy').find(
    ({ metadata }) => metadata.name === 'monitoring-cluster',
  )
  const reached = policy?.spec?.egress?.flatMap(({ to = [] }) =>
    to.flatMap(
      ({ podSelector }) => podSelector?.matchExpressions?.flatMap(({ values = [] }) => values) ?? [],
    ),
  )
  expect(reached?.toSorted()).toEqual(
    Object.values(EXPORTERS)
      .flatMap(({ names }) => names)
      .toSorted(),
  )
  const anywhere = policy?.spec?.egress?.flatMap(({ to, ports = [] }) =>
    to === undefined ? ports.map(({ port }) => port) : [],
  )
  expect(anywhere).toEqual([443, 6443, 10250])
})

test('the exporters beside the services are asked where they are, under the name of what they watch, and once only', () => {
  for (const manifests of [variants.local, everything]) {
    const { scrape_configs } = configurationOf(manifests)
    const job = scrape_configs.find(({ job_name }) => job_name === EXPORTERS_JOB)
    const asked = (job?.dns_sd_configs ?? []).flatMap(({ names, port }) => {
      const [name = ''] = names
      expect(serviceAt(manifests, name)?.spec?.clusterIP, name).toBe('None')
      return podsAt(manifests, name).map((pod) => {
        expect(reaches(manifests, workload(manifests, 'prometheus'), pod, { number: port }), name).toBe(true)
        return `${pod.name}:${port}`
      })
    })
    expect(asked).toEqual(['postgres-exporter:9187', 'redis-exporter:9121'])
    expect(job?.relabel_configs).toEqual([
      { source_labels: ['__meta_dns_name'], regex: '(.+)-exporter', target_label: 'service' },
    ])
  }
  for (const job of configurationOf(everything).scrape_configs) {
    if (!['postgres', 'redis'].includes(job.job_name)) continue
    expect(job.relabel_configs).toContainEqual({
      source_labels: ['__meta_kubernetes_namespace'],
      regex: 'urbanbloom',
      action: 'drop',
    })
  }
})
