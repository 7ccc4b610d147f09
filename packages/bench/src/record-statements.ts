import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import type pg from 'pg'

/** One statement with its parameters as texts, as the server got them. */
export type Statement = { text: string; values: readonly (string | null)[] }

/** Statements that were sent as one transaction by one role; a single one stands for itself. */
export type Transaction = { role: string; statements: readonly Statement[] }

type LogLine = { pid: number; user?: string; message: string; detail?: string }

/** Longer than the pauses between two turns of every recurring job that is not hourly. */
const QUIET_MS = 8_000

/**
 * Records what the services send to Postgres while `work` runs, without the statements that they send anyway (a
 * quiet stretch before shows them) and without the queue's own fetching and completing of jobs. Of several runs it
 * gives the one with a middling number of statements, because now and then a race or a recurring job adds some.
 */
export async function recordStatements(
  options: { db: pg.Pool; postgresFolder: string; roles: readonly string[]; runs: number },
  work: () => Promise<void>,
): Promise<Transaction[]> {
  const { db, postgresFolder, roles } = options
  const readLog = async (): Promise<LogLine[]> => {
    const { rows } = await db.query<{ file: string }>(`select pg_current_logfile('jsonlog') as file`)
    const text = await readFile(join(postgresFolder, rows[0]?.file ?? ''), 'utf8')
    const lines = text.trimEnd().split('\n').filter(Boolean)
    return lines.map((line) => JSON.parse(line) as LogLine).filter(({ user = '' }) => roles.includes(user))
  }
  await db.query(`alter system set log_statement = 'all'`)
  await db.query('select pg_reload_conf()')
  try {
    await delay(QUIET_MS)
    const quiet = await readLog()
    const background = new Set(quiet.map((line) => parseLine(line)?.text))
    const runs: Transaction[][] = []
    let seen = quiet.length
    while (runs.length < options.runs) {
      await work()
      const all = await readLog()
      runs.push(toTransactions(all.slice(seen), (text) => !background.has(text) && !isQueueOwn(text)))
      seen = all.length
    }
    const byLength = runs.toSorted((a, b) => countStatements(a) - countStatements(b))
    return byLength[Math.floor(byLength.length / 2)] ?? []
  } finally {
    await db.query('alter system reset log_statement')
    await db.query('select pg_reload_conf()')
  }
}

/** How many statements there are in all. */
export function countStatements(transactions: readonly Transaction[]): number {
  return transactions.reduce((sum, { statements }) => sum + statements.length, 0)
}

/** The job table and the functions around it, except the one that adds a job for us. */
function isQueueOwn(text: string): boolean {
  return text.includes('_private_')
}

function toTransactions(lines: readonly LogLine[], isWanted: (text: string) => boolean): Transaction[] {
  const open = new Map<number, Statement[]>()
  const transactions: Transaction[] = []
  const add = (role: string, statements: readonly Statement[]) => {
    const wanted = statements.filter(({ text }) => isWanted(text))
    if (wanted.length > 0) transactions.push({ role, statements: wanted })
  }
  for (const line of lines) {
    const statement = parseLine(line)
    if (statement === undefined) continue
    const { pid, user: role = '' } = line
    const begun = open.get(pid)
    switch (statement.text.toLowerCase()) {
      case 'begin':
        open.set(pid, [])
        break
      case 'commit':
      case 'rollback':
        open.delete(pid)
        add(role, begun ?? [])
        break
      default:
        if (begun === undefined) add(role, [statement])
        else begun.push(statement)
    }
  }
  return transactions
}

function parseLine({ message, detail }: LogLine): Statement | undefined {
  const found = /^(?:statement|execute [^:]+): (.*)$/s.exec(message)
  if (found?.[1] === undefined) return undefined
  return { text: found[1].trim().replace(/;$/, ''), values: parseParameters(detail ?? '') }
}

/** `Parameters: $1 = 'it''s', $2 = NULL`. */
function parseParameters(detail: string): (string | null)[] {
  return [...detail.matchAll(/\$\d+ = (?:'((?:[^']|'')*)'|NULL)/g)].map(
    ([, text]) => text?.replaceAll(`''`, `'`) ?? null,
  )
}
