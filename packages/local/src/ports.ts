import { createServer } from 'node:net'

/**
 * Below the range from which Linux and macOS give ports to outgoing connections, so that a port found free is
 * not taken by a passing client before its server listens.
 */
const FIRST_PORT = 20_000
const LAST_PORT = 31_999
const TRIES = 100

/** Whether a server could listen on this port of every interface now. */
export async function isPortFree(port: number): Promise<boolean> {
  // Some systems let 0.0.0.0 be taken while 127.0.0.1 is in use, so both are tried.
  return (await canListen(port, '127.0.0.1')) && (await canListen(port, '0.0.0.0'))
}

/** A port that nobody listens on; `wanted` where that one is free. */
export async function freePort(wanted?: number): Promise<number> {
  if (wanted !== undefined && (await isPortFree(wanted))) return wanted
  for (let attempt = 0; attempt < TRIES; attempt += 1) {
    const port = FIRST_PORT + Math.floor(Math.random() * (LAST_PORT - FIRST_PORT + 1))
    if (await isPortFree(port)) return port
  }
  throw new Error(`No free port found between ${FIRST_PORT} and ${LAST_PORT} in ${TRIES} tries`)
}

function canListen(port: number, host: string): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer()
    server.once('error', () => resolve(false))
    server.listen({ port, host, exclusive: true }, () => server.close(() => resolve(true)))
  })
}
