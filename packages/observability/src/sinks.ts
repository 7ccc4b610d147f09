import { createServer } from 'node:http'
import { type AddressInfo, createServer as createTcpServer, type Socket } from 'node:net'

export type Sink<Message> = { port: number; received: Message[]; close(): Promise<void> }

/** What a channel in Slack would show. */
export type SlackMessage = { channel: string; title: string; text: string; color: string }

const BODY_LIMIT_BYTES = 256 * 1024

/** Takes messages as Slack's incoming webhooks do. @throws nothing; what cannot be read is answered with 400. */
export async function startSlackSink(): Promise<Sink<SlackMessage>> {
  const received: SlackMessage[] = []
  const server = createServer((request, response) => {
    let body = ''
    request.setEncoding('utf8').on('data', (text: string) => {
      body += text
      if (body.length > BODY_LIMIT_BYTES) request.destroy()
    })
    request.on('end', () => {
      try {
        const { channel, attachments } = JSON.parse(body)
        for (const { title, text, color } of attachments) received.push({ channel, title, text, color })
        response.end('ok')
      } catch {
        response.writeHead(400).end('invalid_payload')
      }
    })
  })
  const port = await listen(server)
  return {
    port,
    received,
    close: () => {
      server.closeAllConnections()
      return closed(server)
    },
  }
}

/** One mail as it came: the envelope's receivers and the text with its headers. */
export type Mail = { to: string[]; text: string }

/** A mail server that accepts everything and delivers nothing (RFC 5321, as far as a sender needs it). */
export async function startMailSink(): Promise<Sink<Mail>> {
  const received: Mail[] = []
  const sockets = new Set<Socket>()
  const server = createTcpServer((socket) => {
    sockets.add(socket)
    socket.once('close', () => sockets.delete(socket))
    socket.on('error', () => socket.destroy())
    converse(socket, (mail) => received.push(mail))
  })
  const port = await listen(server)
  return {
    port,
    received,
    close: () => {
      for (const socket of sockets) socket.destroy()
      return closed(server)
    },
  }
}

function converse(socket: Socket, onMail: (mail: Mail) => void): void {
  let pending = ''
  let to: string[] = []
  /** The lines of the mail that is coming in; undefined between mails. */
  let lines: string[] | undefined
  const answer = (line: string) => socket.write(`${line}\r\n`)

  const take = (line: string) => {
    if (lines === undefined) {
      const verb = line.slice(0, 4).toUpperCase()
      if (verb === 'RCPT') to.push(/<([^>]*)>/.exec(line)?.[1] ?? '')
      if (verb === 'DATA') {
        lines = []
        answer('354 go on')
      } else if (verb === 'QUIT') {
        answer('221 bye')
        socket.end()
      } else answer('250 ok')
    } else if (line === '.') {
      onMail({ to, text: decodeQuotedPrintable(lines.join('\n')) })
      to = []
      lines = undefined
      answer('250 taken')
    } else if (lines.length < 10_000) lines.push(line.startsWith('..') ? line.slice(1) : line)
  }
  socket.setEncoding('utf8').on('data', (text: string) => {
    pending += text
    for (let end = pending.indexOf('\r\n'); end >= 0; end = pending.indexOf('\r\n')) {
      const line = pending.slice(0, end)
      pending = pending.slice(end + 2)
      take(line)
    }
  })
  answer('220 sink')
}

/** RFC 2045, 6.7. */
function decodeQuotedPrintable(text: string): string {
  const bytes = text.replaceAll('=\n', '').replaceAll(/=([0-9A-F]{2})/g, (_, hex: string) => {
    return String.fromCharCode(Number.parseInt(hex, 16))
  })
  return Buffer.from(bytes, 'latin1').toString('utf8')
}

type Server = ReturnType<typeof createTcpServer>

function listen(server: Server): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(0, '127.0.0.1', () => resolve((server.address() as AddressInfo).port))
  })
}

function closed(server: Server): Promise<void> {
  return new Promise((resolve) => server.close(() => resolve()))
}
