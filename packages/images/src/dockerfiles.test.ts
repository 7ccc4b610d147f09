import { existsSync, readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { describe, expect, test } from 'vitest'
import { closureOf, readWorkspace } from './workspace.ts'

const repository = path.join(import.meta.dirname, '../../..')
const workspace = readWorkspace(repository)
const services = readdirSync(path.join(repository, 'services')).map((name) => `services/${name}`)
const withDockerfile = workspace
  .map(({ folder }) => folder)
  .filter((folder) => existsSync(dockerfileOf(folder)))

/** What an image has instead of what the services have; all else is the same in every Dockerfile. */
const differences: Record<string, [own: string, pattern: string]> = {
  'packages/database': ['RUN cp --parents --recursive services/*/migrations /build/code\n', ''],
  'packages/local': ['CMD ["dist/seed-containers.js"]', 'CMD ["dist/main.js"]'],
}

describe('Dockerfiles', () => {
  test('every service has one', () => {
    expect(withDockerfile).toEqual(expect.arrayContaining(services))
  })

  test.each(withDockerfile)('%s differs from services/auth in nothing but what is named', (folder) => {
    const [own, pattern] = differences[folder] ?? ['', '']
    const adjusted = instructionsOf(folder)
      .replace(own, () => pattern)
      .replace(`ARG PACKAGE=${folder}\n`, 'ARG PACKAGE=services/auth\n')
    expect(adjusted).toBe(instructionsOf('services/auth'))
  })

  test('build and run on one base, whose version and bytes a release names', () => {
    const version = /^ {2}node: ((\d+)\.\d+\.\d+)$/m.exec(contentOf('pnpm-workspace.yaml'))
    const [, exact, major] = version ?? []
    for (const folder of withDockerfile) {
      const instructions = instructionsOf(folder)
      expect(instructions.match(/^ARG NODE_IMAGE=.*$/gm), folder).toEqual([
        `ARG NODE_IMAGE=node:${major}-bookworm-slim`,
      ])
      expect(instructions.match(/^FROM .*$/gm), folder).toEqual([
        'FROM ${NODE_IMAGE} AS build',
        'FROM ${NODE_IMAGE}',
      ])
    }
    // The Node that the repository itself is developed and tested with.
    expect(contentOf('docker/pinned.env')).toMatch(
      new RegExp(`^NODE_IMAGE=node:${exact}-bookworm-slim@sha256:[0-9a-f]{64}$`, 'm'),
    )
    expect(contentOf('docs/deploy-eks.md')).toMatch(
      /^ *docker build .*\n? *--build-arg \$\(grep \^NODE_IMAGE docker\/pinned\.env\)/m,
    )
  })

  test('say who runs the program, by number, and leave health to probes', () => {
    const instructions = instructionsOf('services/auth')
    expect(instructions).toMatch(/^USER [1-9]\d*:[1-9]\d*$/m)
    expect(instructions).not.toMatch(/^HEALTHCHECK/m)
    expect(instructions).not.toMatch(/^(?:ENTRYPOINT|CMD) [^[]/m)
  })
})

describe('what goes into an image', () => {
  test.each(withDockerfile)('%s: everything that its sources read beside themselves is shipped', (folder) => {
    for (const { folder: each, files } of closureOf(folder, workspace)) {
      const read = new Set(
        sourcesOf(each).flatMap((source) => [...source.matchAll(BESIDE)].map(([, name]) => name)),
      )
      expect([each, files]).toEqual([each, expect.arrayContaining(['dist', ...read])])
    }
  })

  test('what only tests need stays out', () => {
    for (const service of services) {
      const names = closureOf(service, workspace).map(({ name }) => name)
      expect(names).toContain('@urbanbloom/service-kit')
      expect(names).not.toContain('@urbanbloom/test-kit')
      expect(names).not.toContain('@urbanbloom/local')
    }
  })

  test('a folder without a package is refused, with those that there are', () => {
    expect(() => closureOf('services/oders', workspace)).toThrow(/"services\/oders".*services\/order/)
  })
})

/** `path.resolve(import.meta.dirname, '../migrations')` and its like. */
const BESIDE = /import\.meta\.dirname, '\.\.\/([\w-]+)'/g

function contentOf(file: string): string {
  return readFileSync(path.join(repository, file), 'utf8')
}

function dockerfileOf(folder: string): string {
  return path.join(repository, folder, 'Dockerfile')
}

function instructionsOf(folder: string): string {
  return readFileSync(dockerfileOf(folder), 'utf8').replaceAll(/^#.*\n/gm, '')
}

function sourcesOf(folder: string): string[] {
  const source = path.join(repository, folder, 'src')
  return readdirSync(source, { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.ts'))
    .map((file) => readFileSync(path.join(source, file), 'utf8'))
}
