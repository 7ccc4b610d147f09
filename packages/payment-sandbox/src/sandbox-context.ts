import type { Socket } from 'node:net'
import type { SandboxConfig } from './config.ts'
import type { SandboxStore } from './sandbox-store.ts'
import type { Webhooks } from './webhooks.ts'

export type SandboxContext = {
  readonly config: SandboxConfig
  readonly store: SandboxStore
  readonly webhooks: Webhooks
  /** Connections whose request will never be answered. */
  readonly silentSockets: Set<Socket>
}

/** One API request while it is worked on, inside its store transaction. */
export type Call = {
  readonly requestId: string
  readonly idempotencyKey: string | null
  /** False once an earlier request with the same idempotency key has failed with a 500. */
  readonly isFirstTry: boolean
  /** Ids of the events that this call made. */
  readonly eventIds: string[]
}

/** `silent`: the work is accepted, its answer is recorded when it is settled, and the client hears nothing. */
export type Answer = { status: number; body: object } | 'silent'
