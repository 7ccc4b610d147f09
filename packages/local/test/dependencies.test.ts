import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { repository } from '../src/programs.ts'

test('docs/dependencies.md says why for each library of the catalog, and for no other', async () => {
  const workspace = await readFile(join(repository, 'pnpm-workspace.yaml'), 'utf8')
  const catalog = /^catalog:\n((?: {2}.*\n)+)/m.exec(workspace)?.[1] ?? ''
  const used = [...catalog.matchAll(/^ {2}'?([^':]+)'?:/gm)].map(([, name]) => String(name))
  const page = await readFile(join(repository, 'docs/dependencies.md'), 'utf8')
  const rows = [...page.matchAll(/^\| (`[^|]+) \|/gm)].flatMap(([, cell]) => [
    ...(cell ?? '').matchAll(/`([^`]+)`/g),
  ])
  const explained = rows.map(([, name]) => String(name))
  expect(used.length).toBeGreaterThan(20)
  expect(explained.toSorted()).toEqual(used.toSorted())
})
