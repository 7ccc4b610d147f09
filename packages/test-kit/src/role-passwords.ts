import { loginRoles } from '@urbanbloom/database/roles'

/** The passwords of the roles that log in on servers that live as long as the tests. */
export const rolePasswords: Readonly<Record<string, string>> = Object.fromEntries(
  loginRoles.map((role) => [role, `${role}-in-tests`]),
)
