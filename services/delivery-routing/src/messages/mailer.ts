import { randomUUID } from 'node:crypto'
import { mkdir, rename, writeFile } from 'node:fs/promises'
import path from 'node:path'
import nodemailer from 'nodemailer'
import type { Config } from '../config.ts'

export type Mail = {
  /** The same for each try, so that a mail server or a reader can drop what comes twice. */
  messageId: string
  to: { name: string; address: string }
  subject: string
  text: string
  html: string
}

export type Mailer = {
  /**
   * Hands a mail over.
   * @throws MailRefused when the other side will never take it; any other error may pass.
   */
  send(mail: Mail): Promise<void>
  close(): void
}

/** The server has refused this mail for good (RFC 5321, 4.2.1: a reply of 5yz). */
export class MailRefused extends Error {
  override name = 'MailRefused'
}

const CONNECT_MS = 5_000
const ANSWER_MS = 10_000
const CONNECTIONS = 2

/** Mail by SMTP, or as files in a folder; null where neither is configured. */
export function createMailer({ smtpUrl, folder, from }: Config['mail']): Mailer | null {
  if (smtpUrl !== undefined) return createSmtpMailer(smtpUrl, from)
  return folder === undefined ? null : createFolderMailer(folder, from)
}

function createSmtpMailer(url: string, from: string): Mailer {
  const transport = nodemailer.createTransport(
    {
      url,
      pool: true,
      maxConnections: CONNECTIONS,
      connectionTimeout: CONNECT_MS,
      greetingTimeout: CONNECT_MS,
      dnsTimeout: CONNECT_MS,
      socketTimeout: ANSWER_MS,
      // Our own texts only: nothing in a mail may make the server read a file or call a URL.
      disableFileAccess: true,
      disableUrlAccess: true,
    },
    { from },
  )
  return {
    async send(mail) {
      try {
        await transport.sendMail({ ...mail, headers: { 'Auto-Submitted': 'auto-generated' } })
      } catch (err) {
        const { responseCode } = err as { responseCode?: number }
        if (responseCode !== undefined && responseCode >= 500) {
          throw new MailRefused(`The mail server answered ${responseCode}`, { cause: err })
        }
        throw err
      }
    },
    close: () => transport.close(),
  }
}

/** For a developer's machine: one .eml file for each mail. */
function createFolderMailer(folder: string, from: string): Mailer {
  const transport = nodemailer.createTransport({ streamTransport: true, buffer: true }, { from })
  return {
    async send(mail) {
      const { message } = await transport.sendMail(mail)
      await mkdir(folder, { recursive: true })
      const file = path.join(folder, `${mail.messageId.replaceAll(/[<>]|@.*/g, '')}.eml`)
      // Written beside and renamed, so that nobody reads half a mail.
      const part = `${file}.${randomUUID()}.part`
      await writeFile(part, message as Buffer)
      await rename(part, file)
    },
    close: () => transport.close(),
  }
}
