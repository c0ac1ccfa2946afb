import { sqlNow } from '../../entities/clock.ts';
import { Device } from '../../entities/session.ts';
import { User } from '../../entities/user.ts';
import { hashToken, isToken, mintToken } from '../crypto/token.ts';
import type { Scope } from '../scope.ts';

/** Separates the device tokens of a browser that several people use. No token contains it. */
export const deviceSeparator = '~';

/** Returns the well-formed device tokens in a browser's stored text. */
export const splitDeviceTokens = (kept: string | null | undefined): string[] =>
  (kept ?? '').split(deviceSeparator, mostTokens).filter((token) => isToken('dvt1', token));

/** The maximum number of tokens that are checked. A browser stores fewer. */
const mostTokens = 10;

/** A user, and the device if the user has signed in with it before, else null. */
export interface OwnDevice {
  readonly userId: string;
  readonly deviceId: string | null;
}

/**
 * Returns the token of the device that signs in, in the caller's transaction: its existing one among the stored tokens,
 * or a new one.
 */
export async function rememberDevice(scope: Scope, device: OwnDevice, kept: string | null): Promise<string> {
  const deviceToken = device.deviceId === null ? undefined : await tokenOf(scope, device.deviceId, kept);
  if (deviceToken === undefined) return renewDevice(scope, device);
  await scope.em.execute(`update devices set last_seen_at = ${sqlNow(scope)} where id = ?`, [device.deviceId]);
  return deviceToken;
}

async function tokenOf(scope: Scope, deviceId: string, kept: string | null): Promise<string | undefined> {
  const [device] = await scope.em.execute<{ token_hash: string }[]>('select token_hash from devices where id = ?', [
    deviceId,
  ]);
  return splitDeviceTokens(kept).find((token) => hashToken(token) === device?.token_hash);
}

/** Issues a new token for a device, which invalidates the old one. Used if the old one is no longer available. */
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
    scope.em.persist(
      new Device({ user: scope.em.getReference(User, userId, { wrapped: true }), tokenHash, at: scope.now() }),
    );
  return token;
}
