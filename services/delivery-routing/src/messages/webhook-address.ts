import { lookup as resolve } from 'node:dns'
import { BlockList, isIP, type LookupFunction } from 'node:net'

/** Everything that is not the public internet, by IANA's registries of special-purpose addresses (RFC 6890). */
const notPublic = new BlockList()
for (const [network, prefix] of [
  ['0.0.0.0', 8],
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  ['169.254.0.0', 16],
  ['172.16.0.0', 12],
  ['192.0.0.0', 24],
  ['192.0.2.0', 24],
  ['192.88.99.0', 24],
  ['192.168.0.0', 16],
  ['198.18.0.0', 15],
  ['198.51.100.0', 24],
  ['203.0.113.0', 24],
  ['224.0.0.0', 4],
  ['240.0.0.0', 4],
] as const) {
  notPublic.addSubnet(network, prefix, 'ipv4')
}
// Only 2000::/3 is given out; of that, these lead elsewhere or are for examples.
const publicV6 = new BlockList()
publicV6.addSubnet('2000::', 3, 'ipv6')
for (const [network, prefix] of [
  ['2001::', 23],
  ['2001:db8::', 32],
  ['2002::', 16],
  ['3fff::', 20],
] as const) {
  notPublic.addSubnet(network, prefix, 'ipv6')
}

/** Whether an address is one of the public internet, so that a request to it reaches nothing of ours. */
export function isPublicAddress(address: string): boolean {
  const family = isIP(address)
  if (family === 4) return !notPublic.check(address, 'ipv4')
  if (family === 6) return publicV6.check(address, 'ipv6') && !notPublic.check(address, 'ipv6')
  return false
}

/** What is wrong with a subscriber's URL, or null. Names are checked again at each connection. */
export function problemOfUrl(text: string, { allowsPrivate }: { allowsPrivate: boolean }): string | null {
  const url = URL.parse(text)
  if (url === null) return 'is no URL'
  if (url.username !== '' || url.password !== '') return 'must not contain a user or a password'
  const host = url.hostname.replace(/^\[|\]$/g, '')
  const isLocal = host === 'localhost' || host === '127.0.0.1' || host === '::1'
  if (url.protocol === 'http:' && !(isLocal && allowsPrivate)) return 'must begin with https://'
  if (url.protocol !== 'https:' && url.protocol !== 'http:') return 'must begin with https://'
  if (allowsPrivate) return null
  if (isIP(host) !== 0) return isPublicAddress(host) ? null : 'names an address that is not public'
  return isLocal || !host.includes('.') || /\.(?:localhost|local|internal|svc)$/i.test(host)
    ? 'names a host that is not public'
    : null
}

export class AddressRefused extends Error {
  override name = 'AddressRefused'
}

/**
 * Resolves a name for a connection and refuses it where any of its addresses is not public. It is the look-up of the
 * connection itself, so a name that answers differently the second time gains nothing.
 */
export const publicLookup: LookupFunction = (hostname, options, callback) => {
  resolve(hostname, { ...options, all: true }, (err, found) => {
    if (err !== null) return callback(err, '', 0)
    const [first] = found
    if (first === undefined || !found.every(({ address }) => isPublicAddress(address))) {
      return callback(new AddressRefused(`The name ${hostname} has an address that is not public`), '', 0)
    }
    if (options.all === true) return callback(null, found, 0)
    return callback(null, first.address, first.family)
  })
}
