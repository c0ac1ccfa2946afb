import type { SqlEntityManager } from '@mikro-orm/postgresql';
import { sqlNow } from '../../entities/clock.ts';
import { Device } from '../../entities/session.ts';
import { User } from '../../entities/user.ts';
import { hashToken, isToken, mintToken } from '../crypto/token.ts';
import type { SessionTools } from './tools.ts';

/** Stands between the device tokens of a browser that several people use; it is in no token. */
export const deviceSeparator = '~';

/** The device tokens in what a browser kept, each well-formed. */
export const splitDeviceTokens = (kept: string | null | undefined): string[] =>
  (kept ?? '').split(deviceSeparator, mostTokens).filter((token) => isToken('dvt1', token));

/** Tokens that are looked at; a browser keeps fewer. */
const mostTokens = 10;

/** Whose device it is, and which: null where the user has not signed in with it before. */
export interface OwnDevice {
  readonly userId: string;
  readonly deviceId: string | null;
}

/** The token of the device that signs in, in the caller's transaction: the one it has among those that it kept, or a new one. */
export async function rememberDevice(em: SqlEntityManager, tools: SessionTools, device: OwnDevice, kept: string | null): Promise<string> {
  const deviceToken = device.deviceId === null ? undefined : await tokenOf(em, device.deviceId, kept);
  if (deviceToken === undefined) return renewDevice(em, tools, device);
  await em.execute(`update devices set last_seen_at = ${sqlNow(tools)} where id = ?`, [device.deviceId]);
  return deviceToken;
}

async function tokenOf(em: SqlEntityManager, deviceId: string, kept: string | null): Promise<string | undefined> {
  const [device] = await em.execute<{ token_hash: string }[]>('select token_hash from devices where id = ?', [deviceId]);
  return splitDeviceTokens(kept).find((token) => hashToken(token) === device?.token_hash);
}

/** A new token for a device, which its old one no longer names: for where that is no longer at hand. */
async function renewDevice(em: SqlEntityManager, tools: SessionTools, { userId, deviceId }: OwnDevice): Promise<string> {
  const token = mintToken('dvt1');
  const tokenHash = hashToken(token);
  const renewed =
    deviceId === null
      ? []
      : await em.execute<object[]>(
          `update devices set token_hash = ?, last_seen_at = ${sqlNow(tools)} where id = ? and user_id = ? returning id`,
          [tokenHash, deviceId, userId],
        );
  if (renewed.length === 0) em.persist(new Device({ user: em.getReference(User, userId, { wrapped: true }), tokenHash, at: tools.now() }));
  return token;
}
