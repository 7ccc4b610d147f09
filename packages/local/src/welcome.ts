import { dayAt } from './hub-time.ts'
import { chooseClusterFolder } from './postgres-cluster.ts'
import { accounts, hub, PASSWORD } from './seed-data.ts'
import type { Settings } from './settings.ts'

/** What a person sees once everything is ready: where it is, who they can be, and what to try first. */
export async function welcome(settings: Settings): Promise<string> {
  const { dataFolder } = settings
  const cluster = await chooseClusterFolder(dataFolder)
  const data = cluster.startsWith(dataFolder)
    ? dataFolder
    : `${dataFolder} and, where Postgres may go, ${cluster}`
  const gateway = `http://127.0.0.1:${settings.ports.gateway}`
  const tomorrow = dayAt(new Date(), hub.timeZone, 1)
  const login = JSON.stringify({ email: accounts.customer.email, password: PASSWORD })
  return `
UrbanBloom is ready.

  Gateway   ${gateway}
  API docs  ${gateway}/docs
  Data      ${data}
  Logs      ${dataFolder}/logs
  Mail      ${dataFolder}/mail, what customers are sent

  Accounts, each with the password ${PASSWORD}
${Object.values(accounts)
  .map(({ email, role }) => `    ${email.padEnd(28)} ${role}`)
  .join('\n')}

  Try
    curl -s '${gateway}/v1/products?search=monstera&limit=3'
    curl -s '${gateway}/v1/delivery-windows?latitude=${hub.latitude}&longitude=${hub.longitude}&date=${tomorrow}'
    curl -s -X POST ${gateway}/v1/auth/login -H 'content-type: application/json' -d '${login}'

  Ctrl-C stops everything and keeps the data; "npm run reset" drops it.
`
}
