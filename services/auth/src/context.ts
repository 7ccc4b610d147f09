import type { createAuthenticator } from '@urbanbloom/service-kit/auth'
import type { Db } from '@urbanbloom/service-kit/db'
import type { AuthEvents } from './auth-metrics.ts'
import type { Config } from './config.ts'
import type { LoginThrottle } from './login-throttle.ts'
import type { Passwords } from './passwords.ts'
import type { SigningKeys } from './signing-keys.ts'

/** What routes and use cases work with. */
export type Context = {
  readonly config: Config
  readonly db: Db
  readonly passwords: Passwords
  readonly throttle: LoginThrottle
  readonly keys: SigningKeys
  readonly authenticator: ReturnType<typeof createAuthenticator>
  readonly events: AuthEvents
}
