/** A service that keeps data: its schema, its login role, and where its migrations are. */
export type ServiceSchema = { service: string; schema: string; role: string }

export const serviceSchemas: readonly ServiceSchema[] = [
  { service: 'auth', schema: 'auth', role: 'auth_service' },
  { service: 'inventory', schema: 'inventory', role: 'inventory_service' },
  { service: 'order', schema: 'orders', role: 'order_service' },
  { service: 'payment', schema: 'payments', role: 'payment_service' },
  { service: 'delivery-routing', schema: 'delivery', role: 'delivery_routing_service' },
]

/** Tables that a service may add to and read, but never change: the record of what happened to stock and money. */
export const appendOnlyTables: Readonly<Record<string, readonly string[]>> = {
  inventory: ['stock_movements'],
  payments: ['ledger_transactions', 'ledger_entries'],
}

/** The name of the schema that holds a service's queue. */
export function jobsSchema(schema: string): string {
  return `${schema}_jobs`
}
