import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { repository } from '@urbanbloom/local/programs'
import { load } from 'js-yaml'

export type Alert = {
  alert: string
  expr: string
  for?: string
  labels: Record<string, string>
  annotations: Record<string, string>
}

type Rule = Alert | { record: string; expr: string; labels?: Record<string, string> }

export const rulesFolder = join(repository, 'prometheus/rules')

/** The paths of all rule files. */
export function ruleFiles(): string[] {
  return readdirSync(rulesFolder).map((name) => join(rulesFolder, name))
}

export function readRules(): Rule[] {
  return ruleFiles().flatMap((file) => {
    const { groups } = load(readFileSync(file, 'utf8')) as { groups: { rules: Rule[] }[] }
    return groups.flatMap(({ rules }) => rules)
  })
}

export function readAlerts(): Alert[] {
  return readRules().filter((rule) => 'alert' in rule)
}
