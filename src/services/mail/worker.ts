import type { SqlEntityManager } from '@mikro-orm/postgresql';
import { databaseNow } from '../../entities/clock.ts';
import { OneTimeToken } from '../../entities/account.ts';
import { foldCase } from '../../entities/identifier.ts';
import { holdsEmail, User } from '../../entities/user.ts';
import { mailedToken } from '../crypto/mailed.ts';
import type { Keyring } from '../crypto/keyring.ts';
import { hashToken } from '../crypto/token.ts';
import { mailJob, type MailJob, type TokenJob, type DeliveryOutcome } from './job.ts';
import { render, type MailData, type MailSettings } from './template.ts';
import { tokenTypes } from './token.ts';
import { MailFailure, type Transport } from './transport.ts';

/** The dependencies of a worker. */
export interface WorkerTools {
  readonly em: SqlEntityManager;
  readonly keyring: Keyring;
  readonly now: () => Date;
  readonly transport: Transport;
  readonly settings: MailSettings;
  /** Called for each mail that was not sent, with its id and the reason. */
  readonly warn: (message: string) => void;
}

/**
 * Sends the mail of a job, based on the current data. Sends nothing if the mail has become pointless: the user is gone,
 * the token was used, replaced or has expired, or the address has changed. Never throws.
 */
export async function deliver(
  tools: WorkerTools,
  data: unknown,
  id: string,
  signal: AbortSignal,
): Promise<DeliveryOutcome> {
  const verdict = await attempt(tools, data, id, signal);
  if (verdict.is !== 'done') tools.warn(`Mail ${id} ${verdict.is}: ${verdict.reason}.`);
  return verdict;
}

async function attempt(tools: WorkerTools, data: unknown, id: string, signal: AbortSignal): Promise<DeliveryOutcome> {
  const { success, data: job } = mailJob.safeParse(data);
  if (!success) return { is: 'refused', reason: 'this version does not know the kind of mail' };
  try {
    const addressed = await address({ ...tools, em: tools.em.fork() }, job);
    if (addressed === null) return { is: 'done' };
    await tools.transport.send({ id, to: addressed.to, ...render(addressed.data, tools.settings) }, signal);
    return { is: 'done' };
  } catch (error) {
    if (error instanceof Unmakable) return { is: 'refused', reason: error.message };
    if (!(error instanceof MailFailure))
      return { is: 'postponed', reason: `it could not be prepared (${(error as Error).name})` };
    return { is: error.isFinal ? 'refused' : 'postponed', reason: error.message };
  }
}

interface Addressed {
  readonly to: string;
  readonly data: MailData;
}

/** Builds the mail and its recipient. Null if the mail has become pointless. */
async function address(tools: WorkerTools, job: MailJob): Promise<Addressed | null> {
  const user = await tools.em.findOne(User, { id: job.userId, isActive: true, deletedAt: null }, { filters: false });
  if (user === null) return null;
  const { username, email } = user;
  if (job.kind === 'security-alert') return { to: email, data: { kind: job.alert, username, at: new Date(job.at) } };
  if (job.kind === 'email-changed')
    return { to: job.formerEmail, data: { kind: job.kind, username, at: new Date(job.at) } };
  return await addressToken(tools, job, user);
}

async function addressToken(tools: WorkerTools, job: TokenJob, user: User): Promise<Addressed | null> {
  const { em, keyring } = tools;
  const { kind, kid, tokenId: id } = job;
  const type = tokenTypes[kind];
  const usable = {
    id,
    user: user.id,
    type,
    usedAt: null,
    expiresAt: { $gt: await databaseNow({ em, now: tools.now }) },
  };
  const row = await em.findOne(OneTimeToken, usable, { filters: false });
  if (row === null || foldCase(row.sentTo) !== foldCase(user.email)) return null;
  if (kind === 'email-verification' && user.isVerified) return null;
  if (kind === 'email-verification') {
    const holder = await holderOf(tools, user);
    if (holder !== null) return tellHolder(holder, row.createdAt);
  }
  const token = keyring.has(kid) ? mailedToken(keyring, kid, type, { id, userId: user.id }) : '';
  if (hashToken(token) !== row.tokenHash) throw new Unmakable('the token cannot be recreated with the keyring');
  return { to: row.sentTo, data: { kind, username: user.username, token, expiresAt: row.expiresAt } };
}

/** Finds another user who has verified this address: a request to verify it again would only confuse them. */
async function holderOf({ em }: Pick<WorkerTools, 'em'>, { id, email }: User): Promise<User | null> {
  const [row] = await em.execute<{ id: string }[]>(
    `select u.id from users u where lower(u.email) = lower(cast(? as text) collate "C") and u.id <> ? and ${holdsEmail('u')}`,
    [email, id],
  );
  return row ? await em.findOne(User, { id: row.id }, { filters: false }) : null;
}

/** Informs the holder of the address. Null if the account of the holder is inactive or deleted. */
function tellHolder({ username, email, isActive, deletedAt }: User, at: Date): Addressed | null {
  return isActive && deletedAt === null ? { to: email, data: { kind: 'address-claimed', username, at } } : null;
}

/** The token cannot be recreated: its key is missing, or its row was changed. */
class Unmakable extends Error {}
