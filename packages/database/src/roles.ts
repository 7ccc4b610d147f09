/** A service that keeps data: its schema, its login role, and where its migrations are. */
export type ServiceSchema = { service: string; schema: string; role: string }

export const serviceSchemas: readonly ServiceSchema[] = [
  { service: 'auth', schema: 'auth', role: 'auth_service' },
  { service: 'inventory', schema: 'inventory', role: 'inventory_service' },
  { service: 'order', schema: 'orders', role: 'order_service' },
  { service: 'payment', schema: 'payments', role: 'payment_service' },
  { service: 'delivery-routing', schema: 'delivery', role: 'delivery_routing_service' },
]

/**
 * Who reads for dashboards and for Postgres' exporter: the views of every schema, what the server says of itself, and
 * nothing else. A view says which columns of its tables may
 * be seen, so none of them holds what a dashboard must not show, such as a name or an address.
 */
export const readerRole = 'grafana_reader'

/** Every role that logs in; each has a password of its own. */
export const loginRoles: readonly string[] = [...serviceSchemas.map(({ role }) => role), readerRole]

/** Tables that a service may add to and read, but never change: the record of what happened to stock and money. */
export const appendOnlyTables: Readonly<Record<string, readonly string[]>> = {
  inventory: ['stock_movements'],
  payments: ['ledger_transactions', 'ledger_entries'],
}

/** The name of the schema that holds a service's queue. */
export function jobsSchema(schema: string): string {
  return `${schema}_jobs`
}
