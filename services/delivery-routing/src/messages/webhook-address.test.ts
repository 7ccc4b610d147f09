import { describe, expect, it } from 'vitest'
import { AddressRefused, isPublicAddress, problemOfUrl, publicLookup } from './webhook-address.ts'

describe('addresses of subscribers', () => {
  it.each([
    '0.0.0.0',
    '10.1.2.3',
    '100.64.0.1',
    '127.0.0.1',
    '169.254.169.254',
    '172.31.255.255',
    '192.168.1.1',
    '198.18.0.1',
    '224.0.0.1',
    '255.255.255.255',
    '::',
    '::1',
    '::ffff:10.0.0.1',
    '::ffff:8.8.8.8',
    'fd00::1',
    'fe80::1',
    '64:ff9b::a00:1',
    '2002:a00:1::',
    '2001:db8::1',
    'fd00:ec2::254',
    'not an address',
  ])('%s is not public', (address) => expect(isPublicAddress(address)).toBe(false))

  it.each(['8.8.8.8', '172.32.0.1', '1.1.1.1', '2606:4700:4700::1111'])('%s is public', (address) =>
    expect(isPublicAddress(address)).toBe(true),
  )

  it.each([
    'http://shop.example/hook',
    'https://localhost/hook',
    'https://127.0.0.1/',
    'https://[::1]/',
    'https://2130706433/',
    'https://0x7f.1/',
    'https://169.254.169.254/latest',
    'https://user:secret@shop.example/',
    'https://postgres/',
    'https://order.urbanbloom.svc/',
    'https://db.internal/',
    'file:///etc/passwd',
    'shop.example',
    'https://[fd00::1]/',
  ])('%s is refused in production', (url) => {
    expect(problemOfUrl(url, { allowsPrivate: false })).not.toBeNull()
  })

  it('takes a public name over TLS, and on a developer’s machine also this one without', () => {
    expect(problemOfUrl('https://shop.example/hook?x=1', { allowsPrivate: false })).toBeNull()
    expect(problemOfUrl('http://127.0.0.1:9000/hook', { allowsPrivate: true })).toBeNull()
    expect(problemOfUrl('http://shop.example/hook', { allowsPrivate: true })).not.toBeNull()
  })

  it('refuses a name that leads to this machine when it is resolved', async () => {
    const outcome = new Promise((resolve) => publicLookup('localhost', {}, (err) => resolve(err)))
    expect(await outcome).toBeInstanceOf(AddressRefused)
  })
})
