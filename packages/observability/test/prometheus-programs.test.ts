import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { isRoot } from '@urbanbloom/local/system-user'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { findPrograms } from '../src/prometheus-programs.ts'

const names = { sundial: ['urbanbloom-sundial', 'sundial'] }
let folder: string

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'urbanbloom-programs-'))
  vi.stubEnv('PATH', folder)
})
afterEach(async () => {
  vi.unstubAllEnvs()
  await rm(folder, { recursive: true, force: true })
})

async function program(name: string, script: string): Promise<void> {
  await writeFile(join(folder, name), `#!/bin/sh\n${script}\n`)
  await chmod(join(folder, name), 0o755)
}

test('a program is found by any of its names', async () => {
  await program('sundial', 'exit 0')
  expect(await findPrograms(names, ['sundial'])).toEqual({ sundial: join(folder, 'sundial') })
})

test('in CI what cannot be had fails the run, with the package; elsewhere it is skipped, aloud', async () => {
  vi.stubEnv('CI', 'true')
  await expect(findPrograms(names, ['sundial'])).rejects.toThrow(/the packages sundial: .*no apt-get/)
  vi.stubEnv('CI', '')
  const warn = vi.spyOn(console, 'warn').mockReturnValue(undefined)
  expect(await findPrograms(names, ['sundial'])).toBeUndefined()
  expect(warn).toHaveBeenCalledWith(expect.stringContaining('the packages sundial'))
})

test.runIf(isRoot)('root installs what is missing, and is told why where that fails', async () => {
  vi.stubEnv('CI', 'true')
  // A stand-in for apt-get, that knows one package, and for flock, that runs what it is given.
  await program('flock', 'shift; exec "$@"')
  await program('chmod', 'exec /bin/chmod "$@"')
  await program(
    'apt-get',
    `case "$*" in update*) ;; *clockwork*) printf '#!/bin/sh\\n' > ${folder}/sundial; chmod 755 ${folder}/sundial ;; *) echo "Unable to locate package" >&2; exit 100 ;; esac`,
  )
  await expect(findPrograms(names, ['sundial'])).rejects.toThrow(/Unable to locate package/)
  expect(await findPrograms(names, ['clockwork'])).toEqual({ sundial: join(folder, 'sundial') })
})
