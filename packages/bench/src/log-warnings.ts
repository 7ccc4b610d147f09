import { readdir, readFile } from 'node:fs/promises'
import { basename, join } from 'node:path'

/** What the services have warned of so far, as `gateway, 3 times: redis does not answer`: a figure taken then means less. */
export async function findWarnings(logFolder: string): Promise<string[]> {
  const counts = new Map<string, number>()
  for (const file of await readdir(logFolder)) {
    const text = await readFile(join(logFolder, file), 'utf8')
    for (const line of text.split('\n').filter((each) => /"level":"(warn|error|fatal)"/.test(each))) {
      const { msg } = JSON.parse(line) as { msg: string }
      const what = `${basename(file, '.log')}\0${msg}`
      counts.set(what, (counts.get(what) ?? 0) + 1)
    }
  }
  return [...counts].map(([what, count]) =>
    what.replace('\0', `, ${count} ${count === 1 ? 'time' : 'times'}: `),
  )
}
