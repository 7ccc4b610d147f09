/** What a connection string says of the place that it leads to; never the password. */
type Target = { host: string; port: string; user: string; database: string; variable: string }

const unreachable = new Set(['ECONNREFUSED', 'ECONNRESET', 'EHOSTUNREACH', 'ENETUNREACH', 'ETIMEDOUT'])
const tlsCode = /CERT|_SSL_|^ERR_TLS|UNABLE_TO_VERIFY|SELF_SIGNED/

/**
 * Turns what the driver or Postgres says into one sentence for the person who reads the log: what is wrong, with which
 * host, database and user, and what to do. The password is in none of them.
 * @param variable the name of the variable that holds the URL.
 */
export function createDatabaseExplainer(url: string, variable = 'DATABASE_URL'): (err: unknown) => string {
  const target = { ...targetOf(url), variable }
  return (err) => explain(err, target)
}

function targetOf(url: string): Omit<Target, 'variable'> {
  const { hostname, port, username, pathname } = new URL(url)
  return {
    host: hostname,
    port: port === '' ? '5432' : port,
    user: decodeURIComponent(username),
    database: decodeURIComponent(pathname.slice(1)),
  }
}

function explain(err: unknown, { host, port, user, database, variable }: Target): string {
  const { code = '', message } = causeOf(err)
  const place = `${host}:${port}`
  if (isPoolExhausted(err)) {
    return `No connection to ${place} became free in time: look for slow statements, or raise DATABASE_POOL_SIZE.`
  }
  if (unreachable.has(code) || /timeout/i.test(message)) {
    return `Nothing answers at ${place} (${code || message}): check that Postgres runs, and the host, port and network policy that ${variable} goes by.`
  }
  if (code === 'ENOTFOUND' || code === 'EAI_AGAIN') {
    return `The host ${host} has no address (${code}): check the host in ${variable}.`
  }
  if (code === '28P01') {
    return `Postgres at ${place} refuses the password of ${user}: give ${variable} the one that this role has; a service's role gets its own from the migration.`
  }
  if (code.startsWith('28')) {
    return `Postgres at ${place} does not let ${user} in (${message}): check the user in ${variable}; the roles of services are made by the migration.`
  }
  if (code === '3D000') {
    return `Postgres at ${place} has no database "${database}": create it and run the migration, or correct ${variable}.`
  }
  if (code === '42P01' || code === '3F000') {
    return `The database "${database}" at ${place} is not migrated for ${user} (${message}): run the migration, and look into its log where it has run.`
  }
  if (code === '42501') {
    return `Postgres at ${place} does not allow ${user} what it needs (${message}): the migration grants services what they need, and itself needs a role that may create roles and schemas.`
  }
  if (code === '53300') {
    return `Postgres at ${place} has no connection left for ${user} (${message}): lower DATABASE_POOL_SIZE or the number of pods, or raise max_connections.`
  }
  if (tlsCode.test(code) || /SSL/.test(message)) {
    return `No encrypted connection to ${place} comes about (${message}): check DATABASE_CA_FILE and sslmode in ${variable}.`
  }
  if (code.startsWith('57P')) return `Postgres at ${place} is stopping or starting (${message}): wait for it.`
  return `The database "${database}" at ${place} does not serve ${user} (${message}).`
}

/** All connections are in use; the database itself may be well. */
export function isPoolExhausted(err: unknown): boolean {
  return /timeout exceeded when trying to connect/.test(causeOf(err).message)
}

/** Our own "the database does not answer" has the driver's error as its cause; several addresses fail together. */
function causeOf(err: unknown): { code?: string; message: string } {
  if (!(err instanceof Error)) return { message: String(err) }
  if (err instanceof AggregateError && err.errors.length > 0) return causeOf(err.errors[0])
  const { cause, code } = err as { cause?: unknown; code?: string }
  if (code === 'database_unavailable' && cause !== undefined) return causeOf(cause)
  return { message: err.message, ...(code !== undefined && { code }) }
}
