import { sqlNow } from '../../entities/clock.ts';
import { Device } from '../../entities/session.ts';
import { User } from '../../entities/user.ts';
import { hashToken, isToken, mintToken } from '../crypto/token.ts';
import type { Scope } from '../scope.ts';

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
export async function rememberDevice(scope: Scope, device: OwnDevice, kept: string | null): Promise<string> {
  const deviceToken = device.deviceId === null ? undefined : await tokenOf(scope, device.deviceId, kept);
  if (deviceToken === undefined) return renewDevice(scope, device);
  await scope.em.execute(`update devices set last_seen_at = ${sqlNow(scope)} where id = ?`, [device.deviceId]);
  return deviceToken;
}

async function tokenOf(scope: Scope, deviceId: string, kept: string | null): Promise<string | undefined> {
  const [device] = await scope.em.execute<{ token_hash: string }[]>('select token_hash from devices where id = ?', [deviceId]);
  return splitDeviceTokens(kept).find((token) => hashToken(token) === device?.token_hash);
}

/** A new token for a device, which its old one no longer names: for where that is no longer at hand. */
async function renewDevice(scope: Scope, { userId, deviceId }: OwnDevice): Promise<string> {
  const token = mintToken('dvt1');
  const tokenHash = hashToken(token);
  const renewed =
    deviceId === null
      ? []
      : await scope.em.execute<object[]>(
          `update devices set token_hash = ?, last_seen_at = ${sqlNow(scope)} where id = ? and user_id = ? returning id`,
          [tokenHash, deviceId, userId],
        );
  if (renewed.length === 0)
    scope.em.persist(new Device({ user: scope.em.getReference(User, userId, { wrapped: true }), tokenHash, at: scope.now() }));
  return token;
}
