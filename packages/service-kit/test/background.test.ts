import { beginWhenMigrated } from '@urbanbloom/service-kit/background'
import { SchemaBehindError } from '@urbanbloom/service-kit/readiness'
import { pino } from 'pino'
import { expect, test } from 'vitest'

/** Starts the waiting with a check whose outcomes come one after the other; the last one stays. */
async function waitWith(outcomes: (Error | undefined)[], limitMs: number) {
  const lines: { level: number; msg: string }[] = []
  const log = pino({}, { write: (line: string) => void lines.push(JSON.parse(line)) }) as never
  const ended = Promise.withResolvers<'began' | 'gave up'>()
  let asked = 0
  const stop = beginWhenMigrated({
    isMigrated: async () => {
      const outcome = outcomes[Math.min(asked, outcomes.length - 1)]
      asked += 1
      if (outcome !== undefined) throw outcome
    },
    log,
    begin: () => ended.resolve('began'),
    limitMs,
    giveUp: () => ended.resolve('gave up'),
  })
  const end = await ended.promise
  await stop()
  return { end, asked, lines }
}

const away = new Error('Nothing answers at db:5432 (ECONNREFUSED).')
const behind = new SchemaBehindError('migration 7 is not applied yet')

test('a database that never serves the process ends it, and the last line says why', async () => {
  const { end, lines } = await waitWith([away], 100)
  expect(end).toBe('gave up')
  expect(lines.at(-1)).toMatchObject({
    level: 60,
    msg: `Never ready, so this process ends: ${away.message}`,
  })
})

test('a migration that is not there yet is waited for beyond the limit', async () => {
  const { end, asked } = await waitWith([behind, behind, behind, undefined], 0)
  expect({ end, asked }).toEqual({ end: 'began', asked: 4 })
})
