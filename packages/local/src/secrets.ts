import { randomBytes } from 'node:crypto'
import { readFile, writeFile } from 'node:fs/promises'
import { loginRoles } from '@urbanbloom/database/roles'
import { Failure } from './failure.ts'

/** Every secret of one local system. Each checkout makes its own; none is in the repository. */
export type Secrets = {
  postgresPassword: string
  /** By role name. */
  rolePasswords: Record<string, string>
  internalToken: string
  /** Encrypts auth's private signing keys at rest. */
  signingKeySecret: string
  stripeApiKey: string
  stripeWebhookSecret: string
}

/** New random secrets. */
export function generateSecrets(): Secrets {
  return {
    postgresPassword: random(),
    rolePasswords: Object.fromEntries(loginRoles.map((role) => [role, random()])),
    internalToken: random(),
    signingKeySecret: random(),
    stripeApiKey: `sk_test_${random()}`,
    stripeWebhookSecret: `whsec_${random()}`,
  }
}

/**
 * The secrets in `file`, which is made at the first start and then kept, because the data beside it depends on
 * them. Only its owner may read it.
 */
export async function loadSecrets(file: string): Promise<Secrets> {
  const text = await readFile(file, 'utf8').catch(() => undefined)
  const secrets = text === undefined ? generateSecrets() : parse(text, file)
  const newText = `${JSON.stringify(secrets, null, 2)}\n`
  if (newText !== text) await writeFile(file, newText, { mode: 0o600 })
  return secrets
}

function parse(text: string, file: string): Secrets {
  try {
    const stored: Secrets = JSON.parse(text)
    // A service that joined since then gets its secret; what is stored wins.
    const fresh = generateSecrets()
    return { ...fresh, ...stored, rolePasswords: { ...fresh.rolePasswords, ...stored.rolePasswords } }
  } catch (err) {
    throw new Failure(
      `${file} is not readable as JSON: run "npm run reset" to begin anew, with empty data.`,
      {
        cause: err,
      },
    )
  }
}

function random(): string {
  return randomBytes(24).toString('hex')
}
