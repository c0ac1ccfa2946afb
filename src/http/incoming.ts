import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Incoming } from '../context.ts';
import { bearerIn } from '../socket.ts';
import { clientAddress } from './address.ts';

/** Tokens are kept where no script can read them, and sent to no other path. */
const cookieNames = { refreshToken: 'unionhall_refresh', deviceToken: 'unionhall_device' } as const;
const deviceCookieSeconds = 365 * 86_400;

/** What a request brings, and how its cookies are set. */
export function incoming(request: FastifyRequest, reply: FastifyReply, isProduction: boolean): Incoming {
  return {
    client: { ipAddress: clientAddress(request), userAgent: request.headers['user-agent'] ?? null, requestId: request.id },
    accessToken: bearerIn(request.headers.authorization),
    vaultToken: sole(request.headers['x-vault-token']),
    onEnd: (leave) => void reply.raw.once('close', leave),
    idempotencyKey: sole(request.headers['idempotency-key']),
    cookies: () =>
      given({ refreshToken: request.cookies[cookieNames.refreshToken], deviceToken: request.cookies[cookieNames.deviceToken] }),
    setCookies: (cookies) => {
      const options = { httpOnly: true, sameSite: 'strict', secure: isProduction, path: '/graphql' } as const;
      if (cookies === null) {
        void reply.clearCookie(cookieNames.refreshToken, options);
        return;
      }
      void reply.setCookie(cookieNames.refreshToken, cookies.refreshToken, { ...options, maxAge: cookies.maxAge });
      if (cookies.deviceToken !== null) {
        void reply.setCookie(cookieNames.deviceToken, cookies.deviceToken, { ...options, maxAge: deviceCookieSeconds });
      }
    },
  };
}

/** A header that was sent once. */
const sole = (header: string | string[] | undefined): string | null => (typeof header === 'string' ? header : null);

const given = <T extends Record<string, string | undefined>>(values: T): { [Key in keyof T]?: string } =>
  Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as { [Key in keyof T]?: string };
