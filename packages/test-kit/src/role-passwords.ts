import { serviceSchemas } from '@urbanbloom/database/roles'

/** The passwords of the services' roles on servers that live as long as the tests. */
export const rolePasswords: Readonly<Record<string, string>> = Object.fromEntries(
  serviceSchemas.map(({ role }) => [role, `${role}-in-tests`]),
)
