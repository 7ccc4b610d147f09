import { figure, graph, row } from './elements.ts'
import { page } from './page.ts'

const ours = 'datname="urbanbloom"'
/** The states that connections of ours are ever in. */
const states = 'state=~"active|idle|idle in transaction"'

/** The keeper of truth, by `postgres_exporter`. */
export const postgres = page('postgres', 'Postgres', { says: 'The database, by postgres_exporter.' }, [
  figure({
    title: 'Reachable',
    says: 'Whether the exporter can log in.',
    unit: 'bool_yes_no',
    width: 6,
    query: 'min(pg_up)',
    limits: [1, 0.5],
  }),
  figure({
    title: 'Connections in use',
    says: 'Of all that the server allows.',
    unit: 'percentunit',
    width: 6,
    query: 'sum(pg_stat_activity_count) / max(pg_settings_max_connections)',
    limits: [0.7, 0.85],
  }),
  figure({
    title: 'Read from memory',
    says: 'Share of blocks that were in the buffer cache.',
    unit: 'percentunit',
    width: 6,
    query: `sum(rate(pg_stat_database_blks_hit{${ours}}[$__rate_interval])) / (sum(rate(pg_stat_database_blks_hit{${ours}}[$__rate_interval])) + sum(rate(pg_stat_database_blks_read{${ours}}[$__rate_interval])))`,
    limits: [0.98, 0.9],
  }),
  figure({
    title: 'Size',
    says: 'Of the database on disk.',
    unit: 'bytes',
    width: 6,
    query: `sum(pg_database_size_bytes{${ours}})`,
  }),
  row('What it does'),
  graph({
    title: 'Transactions',
    says: 'Committed and rolled back.',
    unit: 'ops',
    width: 8,
    queries: [
      [`sum(rate(pg_stat_database_xact_commit{${ours}}[$__rate_interval]))`, 'committed'],
      [`sum(rate(pg_stat_database_xact_rollback{${ours}}[$__rate_interval]))`, 'rolled back'],
    ],
  }),
  graph({
    title: 'Connections by state',
    says: 'Many that are idle in a transaction hold locks for nothing.',
    unit: 'short',
    width: 8,
    stacked: true,
    queries: [[`sum by (state) (pg_stat_activity_count{${ours},${states}})`, '{{state}}']],
  }),
  graph({
    title: 'Longest transaction',
    says: 'By state of its connection.',
    unit: 's',
    width: 8,
    queries: [[`max by (state) (pg_stat_activity_max_tx_duration{${ours},${states}})`, '{{state}}']],
  }),
  graph({
    title: 'Rows per second',
    says: 'Read and changed.',
    unit: 'short',
    width: 8,
    queries: ['fetched', 'inserted', 'updated', 'deleted'].map((kind): readonly [string, string] => [
      `sum(rate(pg_stat_database_tup_${kind}{${ours}}[$__rate_interval]))`,
      kind,
    ]),
  }),
  graph({
    title: 'Locks',
    says: 'Held, by kind.',
    unit: 'short',
    width: 8,
    stacked: true,
    queries: [[`sum by (mode) (pg_locks_count{${ours}}) > 0`, '{{mode}}']],
  }),
  graph({
    title: 'Deadlocks',
    says: 'Each is one transaction that the server ended.',
    unit: 'short',
    width: 8,
    queries: [[`sum(increase(pg_stat_database_deadlocks{${ours}}[$__rate_interval]))`, 'deadlocks']],
  }),
])
