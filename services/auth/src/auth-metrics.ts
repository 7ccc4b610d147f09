import type { Log } from '@urbanbloom/service-kit/log'
import type { Metrics } from '@urbanbloom/service-kit/metrics'

export type AuthEvents = ReturnType<typeof createAuthEvents>

/** What happened, as counters and, where someone should look, log lines. Nothing here names a person. */
export function createAuthEvents(metrics: Metrics, log: Log) {
  const logins = metrics.counter('auth_logins_total', 'Checks of a password by outcome', ['outcome'])
  const refreshes = metrics.counter('auth_refreshes_total', 'Uses of a refresh token by outcome', ['outcome'])
  const registrations = metrics.counter('auth_registrations_total', 'Accounts that customers made')
  const rotations = metrics.counter('auth_key_rotations_total', 'Signing keys that took over')
  return {
    registered(accountId: string) {
      registrations.inc()
      log.info({ event: 'account_registered', accountId }, 'an account was registered')
    },
    loginChecked: (outcome: 'succeeded' | 'refused' | 'throttled') => logins.inc({ outcome }),
    refreshed: () => refreshes.inc({ outcome: 'rotated' }),
    refreshRefused: (reason: 'unknown' | 'used' | 'expired' | 'ended') => refreshes.inc({ outcome: reason }),
    sessionStolen(sessionId: string) {
      log.warn(
        { event: 'session_stolen', sessionId },
        'a used refresh token came again, so its session was ended',
      )
    },
    keyPromoted(kid: string) {
      rotations.inc()
      log.info({ event: 'key_promoted', kid }, 'a new signing key took over')
    },
  }
}
