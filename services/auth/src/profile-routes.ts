import { userOf } from '@urbanbloom/service-kit/auth'
import { bearer, problems } from '@urbanbloom/service-kit/openapi'
import type { App } from '@urbanbloom/service-kit/server'
import * as z from 'zod'
import { Email, GivenPassword, Name, NewPassword, toUser, User } from './account.ts'
import { clientAddress } from './client.ts'
import type { Context } from './context.ts'
import { requireLiveSession } from './session-guard.ts'
import { getAccount, updateProfile } from './update-profile.ts'

const tags = ['Profile']

const ProfileBody = z
  .strictObject({
    name: Name.optional(),
    email: Email.optional(),
    password: NewPassword.optional(),
    currentPassword: GivenPassword.optional().describe('Needed to change the email or the password'),
  })
  .refine(
    ({ name, email, password }) => name !== undefined || email !== undefined || password !== undefined,
    'must have at least one of name, email and password',
  )

export function registerProfileRoutes(app: App, ctx: Context): void {
  const onRequest = requireLiveSession(ctx)

  app.get(
    '/v1/me',
    {
      onRequest,
      schema: {
        tags,
        summary: 'Your profile',
        security: bearer,
        response: { 200: User, ...problems({ 401: 'No valid access token' }) },
      },
    },
    async (request) => toUser(await getAccount(ctx, userOf(request).id)),
  )

  app.patch(
    '/v1/me',
    {
      onRequest,
      schema: {
        tags,
        summary: 'Change your profile',
        description: 'Changes the fields that are sent. A new password ends every other session.',
        security: bearer,
        body: ProfileBody,
        response: {
          200: User,
          ...problems({
            400: '`validation_failed`, `current_password_required`',
            401: 'No valid access token',
            403: '`current_password_wrong`',
            409: '`email_taken`, `account_changed`',
            429: '`login_throttled`: too many wrong passwords',
            503: '`overloaded`: too many passwords are being checked',
          }),
        },
      },
    },
    async (request) =>
      toUser(await updateProfile(ctx, userOf(request), request.body, clientAddress(request))),
  )
}
