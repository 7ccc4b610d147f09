import { expect, test } from 'vitest'
import { environmentOf } from '../src/environment.ts'
import { workload, workloadsOf } from '../src/manifest.ts'
import { reachesAddresses } from '../src/network.ts'
import { configOf } from '../src/program.ts'
import { renderFolder } from '../src/render.ts'

const production = await renderFolder('overlays/production')
/** Both take the jobs that write to customers and to subscribers. */
const senders = ['delivery-optimizer', 'delivery-routing']
const OUTSIDE = '0.0.0.0/0'

type Told = { mail: { smtpUrl?: string; from: string }; webhooks: { allowsPrivate: boolean } }

test('production: whoever writes to customers has the mail server, by a secret, and nobody else', () => {
  const told = workloadsOf(production).filter((pod) =>
    environmentOf(production, pod).secrets.some(({ secret, key }) => secret === 'smtp' && key === 'SMTP_URL'),
  )
  expect(told.map(({ name }) => name).toSorted()).toEqual(senders)
})

test.each(senders)(
  'production: %s writes from our address by TLS, and calls no subscriber inside',
  async (name) => {
    const { data = {} } = production.find(({ metadata }) => metadata.name === 'parameters') ?? {}
    const config = (await configOf(production, workload(production, name))) as Told
    expect(config.mail).toMatchObject({ smtpUrl: expect.stringMatching(/^smtps:/), from: data.mailFrom })
    expect(config.webhooks.allowsPrivate).toBe(false)
    expect(config).toMatchObject({ codeFromCents: 30_000 })
  },
)

test('production: mail servers are reached by the senders and by who tells of alerts, with TLS only', () => {
  for (const pod of workloadsOf(production)) {
    const reached = [25, 465, 587, 2525].filter((port) => reachesAddresses(production, pod, OUTSIDE, port))
    if (pod.name === 'alertmanager') expect(reached).toContain(587)
    else expect(reached, pod.name).toEqual(senders.includes(pod.name) ? [465, 587] : [])
    if (senders.includes(pod.name)) expect(reachesAddresses(production, pod, OUTSIDE, 443)).toBe(true)
  }
})
