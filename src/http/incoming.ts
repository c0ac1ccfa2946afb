import type { FastifyReply, FastifyRequest } from 'fastify';
import type { CookieConfig } from '../config.ts';
import type { Incoming } from '../context.ts';
import { deviceSeparator, splitDeviceTokens } from '../services/proof/device.ts';
import { bearerIn } from './socket.ts';
import { clientAddress } from './address.ts';

const deviceCookieSeconds = 365 * 86_400;

/** The maximum number of users whose device cookie a shared browser keeps. The oldest cookie is dropped first. */
const mostDevices = 5;

/** Collects the facts of a request. Sets its cookies so that no script can read them. */
export function incoming(
  request: FastifyRequest,
  reply: FastifyReply,
  { names, path, secure, sameSite }: CookieConfig,
): Incoming {
  const options = { httpOnly: true, sameSite, secure, path } as const;
  const devices = request.cookies[names.deviceToken];
  return {
    client: {
      ipAddress: clientAddress(request),
      userAgent: request.headers['user-agent'] ?? null,
      requestId: request.id,
    },
    accessToken: bearerIn(request.headers.authorization),
    vaultToken: sole(request.headers['x-vault-token']),
    onEnd: (leave) => void reply.raw.once('close', leave),
    idempotencyKey: sole(request.headers['idempotency-key']),
    cookies: () => given({ refreshToken: request.cookies[names.refreshToken], deviceToken: devices }),
    setCookies: (cookies) => {
      if (cookies === null) {
        void reply.clearCookie(names.refreshToken, options);
        return;
      }
      void reply.setCookie(names.refreshToken, cookies.refreshToken, { ...options, maxAge: cookies.maxAge });
      if (cookies.deviceToken === null) return;
      const kept = new Set([cookies.deviceToken, ...splitDeviceTokens(devices)]);
      const value = [...kept].slice(0, mostDevices).join(deviceSeparator);
      void reply.setCookie(names.deviceToken, value, { ...options, maxAge: deviceCookieSeconds });
    },
  };
}

/** Returns a header that was sent exactly once. Null otherwise. */
const sole = (header: string | string[] | undefined): string | null => (typeof header === 'string' ? header : null);

const given = <T extends Record<string, string | undefined>>(values: T): { [Key in keyof T]?: string } =>
  Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as {
    [Key in keyof T]?: string;
  };
