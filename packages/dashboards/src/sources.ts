/** The data sources of `grafana/provisioning/datasources`, by their fixed uids. The last two are there where they are wanted. */
export const sources = {
  metrics: { type: 'prometheus', uid: 'prometheus' },
  database: { type: 'grafana-postgresql-datasource', uid: 'postgres' },
  logs: { type: 'loki', uid: 'logs' },
  traces: { type: 'tempo', uid: 'traces' },
} as const

export const { metrics, database } = sources
