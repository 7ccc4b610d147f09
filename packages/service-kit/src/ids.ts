import { v7 } from 'uuid'

/** A UUIDv7 (RFC 9562): unique anywhere and ascending in time, so that indexes stay compact. */
export function newId(): string {
  return v7()
}
