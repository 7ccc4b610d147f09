import { readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'

/** A package of this repository: where it is, and what of it belongs in an image. */
export type WorkspacePackage = {
  name: string
  /** From the repository's top, such as `services/auth`. */
  folder: string
  /** `files` of its manifest: the compiled `dist` and the data that it reads when it runs. */
  files: readonly string[]
  /** Names of the packages of this repository that it needs in production. */
  needs: readonly string[]
}

/** Every package of the repository. */
export function readWorkspace(repository: string): WorkspacePackage[] {
  return ['services', 'packages'].flatMap((group) =>
    readdirSync(path.join(repository, group)).map((name) => readPackage(repository, `${group}/${name}`)),
  )
}

/**
 * The package in `folder` and all packages of the repository that it needs in production, directly or not.
 * @throws when there is no such package.
 */
export function closureOf(folder: string, workspace: readonly WorkspacePackage[]): WorkspacePackage[] {
  const byName = new Map(workspace.map((each) => [each.name, each]))
  const first = workspace.find((each) => each.folder === folder)
  if (first === undefined) {
    const known = workspace.map((each) => each.folder).join(', ')
    throw new Error(`There is no package in the folder "${folder}": take one of ${known}`)
  }
  const closure = new Set([first])
  // A set also iterates over what is added while it is iterated over.
  for (const { needs } of closure) {
    for (const name of needs) {
      const needed = byName.get(name)
      if (needed === undefined) throw new Error(`No package of the repository is named ${name}`)
      closure.add(needed)
    }
  }
  return [...closure]
}

function readPackage(repository: string, folder: string): WorkspacePackage {
  const manifest = JSON.parse(readFileSync(path.join(repository, folder, 'package.json'), 'utf8'))
  const dependencies: Record<string, string> = manifest.dependencies ?? {}
  return {
    name: manifest.name,
    folder,
    files: manifest.files ?? [],
    needs: Object.keys(dependencies).filter((name) => dependencies[name]?.startsWith('workspace:')),
  }
}
