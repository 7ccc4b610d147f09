import { request } from 'undici'

/** Makes the payment sandbox silent while `work` runs. It is a program for development, so no bank is harmed. */
export async function withLostWebhooks<T>(sandboxUrl: string, work: () => Promise<T>): Promise<T> {
  await setMode(sandboxUrl, 'off')
  try {
    return await work()
  } finally {
    await setMode(sandboxUrl, 'normal')
  }
}

async function setMode(sandboxUrl: string, mode: 'off' | 'normal'): Promise<void> {
  const { statusCode, body } = await request(`${sandboxUrl}/_sandbox/webhooks`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ mode }),
  })
  const text = await body.text()
  if (statusCode !== 200) {
    throw new Error(`The payment sandbox at ${sandboxUrl} answered ${statusCode} instead of 200: ${text}`)
  }
}
