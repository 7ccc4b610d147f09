// Writes the dashboards to grafana/dashboards, where Grafana's provisioning reads them: `npm run dashboards`.
import { mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { allDashboards, fileOf } from './all.ts'

const folder = path.join(import.meta.dirname, '../../../grafana/dashboards')

mkdirSync(folder, { recursive: true })
for (const file of readdirSync(folder)) rmSync(path.join(folder, file))
for (const { name, text } of allDashboards().map(fileOf)) {
  writeFileSync(path.join(folder, name), text)
  console.log(`grafana/dashboards/${name}`)
}
