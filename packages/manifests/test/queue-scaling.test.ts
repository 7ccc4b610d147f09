import { readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { expect, test } from 'vitest'
import { ofKind } from '../src/manifest.ts'
import { repository } from '../src/program.ts'
import { renderWith } from '../src/render.ts'
import { scalesOf } from '../src/scaling.ts'
import { variants } from '../src/variants.ts'

type ScaledObject = {
  spec: {
    scaleTargetRef: { name: string }
    fallback: { replicas: number }
    triggers: { type: string; metadata: { query?: string; value?: string; threshold?: string } }[]
  }
}

const everything = variants['every component']
const base = await renderWith([])
const scaled = everything.find(({ kind }) => kind === 'ScaledObject') as unknown as ScaledObject
const query = scaled.spec.triggers.find(({ type }) => type === 'prometheus')?.metadata.query ?? ''
const [, metric = '', selector = ''] = /\b([a-z]+_[a-z_]+)\{([^}]*)\}/.exec(query) ?? []
const labels = Object.fromEntries(
  [...selector.matchAll(/(\w+)="([^"]*)"/g)].map(([, name = '', value = '']) => [name, value]),
)

/** The sources of the service that the query is about, and of what all services share. */
const sources = ['packages/service-kit/src', `services/${labels.service}/src`].flatMap((folder) =>
  readdirSync(path.join(repository, folder), { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.ts') && !file.endsWith('.test.ts'))
    .map((file) => readFileSync(path.join(repository, folder, file), 'utf8')),
)

test('the figure that the optimizer is scaled on is one that the service has, with the labels that are asked for', () => {
  const registration = new RegExp(`'${metric}',\\s*'[^']*',\\s*\\[([^\\]]*)\\]`)
  const registered = sources.flatMap((source) => {
    const names = registration.exec(source)?.[1]
    return names === undefined ? [] : [{ source, names: [...names.matchAll(/\w+/g)].map(([name]) => name) }]
  })
  expect(registered, metric).not.toEqual([])
  const { service, ...own } = labels
  // Every registry adds the label `service` to all that it has.
  expect(sources.some((source) => source.includes(`createMetrics('${service}')`))).toBe(true)
  expect(Object.keys(own)).not.toEqual([])
  for (const [name, value] of Object.entries(own)) {
    for (const { names } of registered) expect(names).toContain(name)
    expect(
      sources.some((source) => new RegExp(`\\b${value}\\b`).test(source)),
      `${name}="${value}" is a value that the code has`,
    ).toBe(true)
  }
})

test('queue and CPU scale the optimizer as far as CPU alone does', () => {
  const { fallback, scaleTargetRef, triggers } = scaled.spec
  const { min, max } = scalesOf(base).get(scaleTargetRef.name) ?? {}
  expect(scalesOf(everything).get(scaleTargetRef.name)).toEqual({ min, max })
  expect(fallback.replicas).toBe(min)
  const scaler = ofKind(base, 'HorizontalPodAutoscaler').find(
    ({ metadata }) => metadata.name === scaleTargetRef.name,
  )
  const percent = scaler?.spec?.metrics?.[0]?.resource?.target.averageUtilization
  // A pod plans one day at a time, so a queue of this many for each waits about as many plans' time limits.
  const queue = triggers.find(({ type }) => type === 'prometheus')
  expect(Number(queue?.metadata.threshold)).toBeGreaterThanOrEqual(1)
  expect(Number(queue?.metadata.threshold)).toBeLessThanOrEqual(4)
  expect(triggers.find(({ type }) => type === 'cpu')?.metadata.value).toBe(String(percent))
})
