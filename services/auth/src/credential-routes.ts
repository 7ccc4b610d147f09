import { userOf } from '@urbanbloom/service-kit/auth'
import { bearer, problems } from '@urbanbloom/service-kit/openapi'
import type { App } from '@urbanbloom/service-kit/server'
import * as z from 'zod'
import { Email, GivenPassword, Name, NewPassword, toUser, User } from './account.ts'
import { clientAddress, userAgentOf } from './client.ts'
import type { Context } from './context.ts'
import { logIn } from './log-in.ts'
import { refreshSession } from './refresh-session.ts'
import { register } from './register.ts'
import { hashRefreshToken } from './session.ts'
import { endSession, endSessionOfToken } from './session-store.ts'
import { Tokens } from './tokens.ts'

const tags = ['Authentication']
const LoggedIn = Tokens.extend({ user: User }).meta({ id: 'LoggedIn' })
const RefreshToken = z.string().min(1).max(200)
const overloaded = '`overloaded`: too many passwords are being checked; `Retry-After` says when to try again'

const RegisterBody = z.strictObject({ email: Email, password: NewPassword, name: Name })
const LoginBody = z.strictObject({ email: Email, password: GivenPassword })
const RefreshBody = z.strictObject({ refreshToken: RefreshToken })
const LogoutBody = z.strictObject({ refreshToken: RefreshToken.optional() }).nullish()

export function registerCredentialRoutes(app: App, ctx: Context): void {
  registerAndLogin(app, ctx)
  refreshRoute(app, ctx)
  logoutRoute(app, ctx)
}

function registerAndLogin(app: App, ctx: Context): void {
  app.post(
    '/v1/auth/register',
    {
      schema: {
        tags,
        summary: 'Register',
        description: 'Makes an account with the role `customer` and logs it in.',
        body: RegisterBody,
        response: {
          201: LoggedIn,
          ...problems({
            400: '`validation_failed`: `errors` names each field',
            409: '`email_taken`',
            503: overloaded,
          }),
        },
      },
    },
    async (request, reply) => {
      const { account, ...tokens } = await register(ctx, request.body, userAgentOf(request))
      return reply.code(201).send({ user: toUser(account), ...tokens })
    },
  )

  app.post(
    '/v1/auth/login',
    {
      schema: {
        tags,
        summary: 'Log in',
        description: 'Begins a session. Failures are counted for each email and each client address.',
        body: LoginBody,
        response: {
          200: LoggedIn,
          ...problems({
            400: '`validation_failed`',
            401: '`invalid_credentials`: the same whether or not the account exists',
            429: '`login_throttled`: `Retry-After` says when to try again',
            503: overloaded,
          }),
        },
      },
    },
    async (request) => {
      const attempt = { ...request.body, address: clientAddress(request) }
      const { account, ...tokens } = await logIn(ctx, attempt, userAgentOf(request))
      return { user: toUser(account), ...tokens }
    },
  )
}

function refreshRoute(app: App, ctx: Context): void {
  app.post(
    '/v1/auth/refresh',
    {
      schema: {
        tags,
        summary: 'Refresh the tokens',
        description:
          'Exchanges a refresh token for new tokens. Each one works once: using it again ends the whole session.',
        body: RefreshBody,
        response: {
          200: Tokens,
          ...problems({
            400: '`validation_failed`',
            401: '`refresh_token_reused`, `refresh_token_expired` or `refresh_token_invalid`: log in again',
          }),
        },
      },
    },
    (request) => refreshSession(ctx, request.body.refreshToken),
  )
}

function logoutRoute(app: App, ctx: Context): void {
  const requireToken = ctx.authenticator.require()
  app.post(
    '/v1/auth/logout',
    {
      schema: {
        tags,
        summary: 'Log out',
        description:
          'Ends the session of the access token or, where the body has one, of the refresh token, which needs no access token. Doing it again changes nothing.',
        security: [...bearer, {}],
        body: LogoutBody,
        response: {
          204: z.undefined().describe('The session has ended'),
          ...problems({ 401: 'Neither an access token nor a refresh token was sent' }),
        },
      },
      preHandler: async (request, reply) => {
        if (request.body?.refreshToken === undefined) await requireToken(request, reply)
      },
    },
    async (request, reply) => {
      const token = request.body?.refreshToken
      if (token === undefined) {
        const { id, sessionId } = userOf(request)
        await endSession(ctx.db, sessionId, id, 'logout')
      } else {
        await endSessionOfToken(ctx.db, hashRefreshToken(token), 'logout')
      }
      return reply.code(204).send()
    },
  )
}
