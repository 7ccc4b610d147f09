import { createInterface } from 'node:readline/promises'
import { Failure } from '@urbanbloom/local/failure'
import type { Cluster } from './connection.ts'

/**
 * Asks before something is done to a cluster that is not on this machine.
 * @throws Failure when the answer is not yes, or nobody is there to give it.
 */
export async function askConsent(
  { context, server, namespace, isLocal }: Pick<Cluster, 'context' | 'server' | 'namespace' | 'isLocal'>,
  what: string,
  options: {
    yes: boolean
    input?: NodeJS.ReadableStream & { isTTY?: boolean }
    output?: NodeJS.WritableStream
  },
): Promise<void> {
  if (isLocal || options.yes) return
  const { input = process.stdin, output = process.stdout } = options
  const where = `the context "${context}" (${server}), namespace "${namespace}"`
  if (input.isTTY !== true) {
    throw new Failure(
      `This ${what} in ${where}, which is not on this machine: add --yes if that is what you want.`,
    )
  }
  const terminal = createInterface({ input, output })
  try {
    const answer = await terminal.question(`This ${what} in ${where}. Go on? [y/N] `)
    if (!/^y(es)?$/i.test(answer.trim())) throw new Failure('Nothing was done.')
  } finally {
    terminal.close()
  }
}
