import type { SqlEntityManager } from '@mikro-orm/postgresql';
import { Device } from '../../entities/session.ts';
import { User } from '../../entities/user.ts';
import { hashToken, mintToken } from '../crypto/token.ts';
import type { SessionTools } from './tools.ts';

/** Whose device it is, and which: null where the user has not signed in with it before. */
export interface OwnDevice {
  readonly userId: string;
  readonly deviceId: string | null;
}

/** The token of the device that signs in, in the caller's transaction: the one it has, or a new one. */
export async function rememberDevice(
  em: SqlEntityManager,
  tools: SessionTools,
  device: OwnDevice,
  deviceToken: string | null,
): Promise<string> {
  if (device.deviceId === null || deviceToken === null) return renewDevice(em, tools, device);
  await em.execute('update devices set last_seen_at = ? where id = ?', [tools.now(), device.deviceId]);
  return deviceToken;
}

/** A new token for a device, which its old one no longer names: for where that is no longer at hand. */
export async function renewDevice(em: SqlEntityManager, { now }: SessionTools, { userId, deviceId }: OwnDevice): Promise<string> {
  const at = now();
  const token = mintToken('dvt1');
  const tokenHash = hashToken(token);
  const renewed =
    deviceId === null
      ? []
      : await em.execute<object[]>('update devices set token_hash = ?, last_seen_at = ? where id = ? and user_id = ? returning id', [
          tokenHash,
          at,
          deviceId,
          userId,
        ]);
  if (renewed.length === 0) em.persist(new Device({ user: em.getReference(User, userId, { wrapped: true }), tokenHash, at }));
  return token;
}
