import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { Role } from './capabilities.ts'
import type { State, Status, StatusMonitor } from './status-monitor.ts'

type Options = {
  monitor: StatusMonitor
  limitRate: (request: FastifyRequest, reply: FastifyReply) => Promise<void>
}

const roles: Readonly<Record<Role, string>> = {
  customers: 'For customers',
  drivers: 'For drivers',
  ops: 'For the team',
}

const words: Readonly<Record<State, string>> = {
  works: 'works',
  troubled: 'has trouble',
  down: 'does not work',
}
const signs: Readonly<Record<State, string>> = { works: '✓', troubled: '!', down: '✗' }
const headlines: Readonly<Record<State, string>> = {
  works: 'Everything works',
  troubled: 'Most things work, and some have trouble',
  down: 'Something does not work right now',
}

/** The page has no script and loads nothing. */
const pageSecurity = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; frame-ancestors 'none'"

/** `/status`: what works now, for people, and as JSON for programs that ask for it. */
export async function statusPage(app: FastifyInstance, { monitor, limitRate }: Options): Promise<void> {
  app.get('/status', { onRequest: limitRate }, async (request, reply) => {
    const status = await monitor.read()
    void reply.headers({ 'cache-control': 'public, max-age=5', vary: 'Accept' })
    if (!prefersHtml(request.headers.accept))
      return reply.type('application/json; charset=utf-8').send(status)
    return reply
      .header('content-security-policy', pageSecurity)
      .type('text/html; charset=utf-8')
      .send(renderPage(status))
  })
}

/** Browsers name HTML before everything else; programs ask for JSON or for anything. */
function prefersHtml(accept = ''): boolean {
  const html = accept.indexOf('text/html')
  const json = accept.indexOf('application/json')
  return html >= 0 && (json < 0 || html < json)
}

function renderPage(status: Status): string {
  const sections = (Object.keys(roles) as Role[]).map((role) => {
    const items = status.capabilities.filter((each) => each.role === role)
    const lines = items.map(({ title, state, since }) => {
      const sinceWhen = state === 'works' ? '' : ` since <time datetime="${since}">${clock(since)}</time>`
      const sign = `<b class="${state}" aria-hidden="true">${signs[state]}</b>`
      return `<li>${sign} <span>${title}</span> <em>${words[state]}${sinceWhen}</em></li>`
    })
    return `<section><h2>${roles[role]}</h2><ul>${lines.join('')}</ul></section>`
  })
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<meta http-equiv="refresh" content="15">
<title>${headlines[status.state]} · UrbanBloom</title>
<style>${style}</style>
</head>
<body>
<main>
<h1 class="${status.state}">${headlines[status.state]}</h1>
${sections.join('\n')}
<p>Looked at <time datetime="${status.checkedAt}">${clock(status.checkedAt)}</time>. This page looks again every 15 seconds.</p>
</main>
</body>
</html>
`
}

function clock(moment: string): string {
  return `${moment.slice(11, 16)} UTC`
}

const style = `
:root { color-scheme: light dark; font: 1rem/1.5 system-ui, sans-serif }
body { margin: 0; padding: 2rem 1rem }
main { max-width: 40rem; margin: auto }
h1 { font-size: 1.5rem; border-left: .4rem solid; padding-left: .8rem }
h2 { font-size: 1rem; margin: 2rem 0 .5rem }
ul { list-style: none; margin: 0; padding: 0 }
li { display: flex; flex-wrap: wrap; gap: .2rem .6rem; padding: .4rem 0; border-top: 1px solid #8884 }
li span { flex: 1 1 14rem }
em { font-style: normal; opacity: .8 }
b { width: 1.2rem; text-align: center }
.works { color: light-dark(#1a7f37, #4ac26b) }
.troubled { color: light-dark(#9a6700, #d4a72c) }
.down { color: light-dark(#cf222e, #ff7b72) }
`
