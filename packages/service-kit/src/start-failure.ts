import { ConfigError } from './config.ts'
import { createLastWordsLog } from './log.ts'

/**
 * Writes why a process cannot start as one line of JSON with the level `fatal`. Its `msg` alone says all to the person
 * who reads it in a terminal; where the configuration is wrong, `problems` has the same as a list.
 * @param reason the sentence for a failure that a person can mend; that of `err` unless given.
 */
export function reportStartFailure(name: string, err: unknown, reason?: string): void {
  const log = createLastWordsLog(name)
  if (err instanceof ConfigError) log.fatal({ problems: err.problems }, err.message)
  else if (reason !== undefined) log.fatal(oneLine(reason))
  else if (err instanceof Error && 'syscall' in err) log.fatal(`The process cannot start: ${err.message}`)
  else {
    // We were wrong, so that whoever mends it needs the place, too.
    const message = err instanceof Error ? err.message : String(err)
    log.fatal({ err }, `The process cannot start: ${oneLine(message)}`)
  }
}

function oneLine(text: string): string {
  return text.replaceAll(/\s*\n\s*/g, ' ')
}
