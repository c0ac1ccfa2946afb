import { AuditOutcome } from '../../entities/audit.ts';
import { User } from '../../entities/user.ts';
import type { Viewer } from '../../entities/viewer.ts';
import { badCredentials, rateLimited } from '../../errors.ts';
import { recordAudit, type Requester } from '../audit/event.ts';
import { networkOf, tryTurn } from '../limit.ts';
import type { SettingTools } from './desk.ts';

/** Who asks for something of the settings, and by what right. */
export interface Asker {
  readonly viewer: Viewer;
  readonly client: Requester;
  /** Null where the right is the viewer's own, which was looked at before. */
  readonly setupToken: string | null;
}

/**
 * Takes a turn, and holds a set-up token against the one that is kept: there is one while nobody owns the instance, and
 * while the saved database cannot be reached.
 * @throws BAD_CREDENTIALS for a token that is none; RATE_LIMITED. Both are written down, each by itself.
 */
export async function demandAllowed(tools: SettingTools, asker: Asker, action: SettingAction): Promise<void> {
  const wait = await takeTurn(tools, asker.client);
  if (wait > 0) {
    await record(tools, asker, { action, outcome: AuditOutcome.DENIED, reason: 'rate_limited' });
    throw rateLimited(wait);
  }
  if (asker.setupToken === null || (await tools.setup.isToken(asker.setupToken))) return;
  await record(tools, asker, { action, outcome: AuditOutcome.DENIED, reason: 'wrong_setup_token' });
  throw badCredentials();
}

export type SettingAction = 'setting.test' | 'setting.save';

/** What happened, for the audit log: never where to, and as whom. */
export interface Happened {
  readonly action: SettingAction;
  readonly outcome: AuditOutcome;
  readonly reason: string | null;
}

/** Writes one event of its own; where there is no database, the log of the process has it alone. */
export async function record({ desk, keyring, now }: SettingTools, { viewer, client }: Asker, happened: Happened): Promise<void> {
  const { action, outcome, reason } = happened;
  const em = desk.em?.fork();
  if (!em) {
    desk.warn(`${action} ${outcome}${reason === null ? '' : `: ${reason}`} (request ${client.requestId})`);
    return;
  }
  const { userId, sessionId } = viewer;
  const actor = userId === null ? null : em.getReference(User, userId, { wrapped: true });
  const { ipAddress, requestId } = client;
  const target = { targetType: null, targetId: null } as const;
  recordAudit(em, keyring, {
    at: now(),
    actor,
    sessionId,
    ipAddress,
    requestId,
    action,
    outcome,
    ...(reason !== null && { reason }),
    ...target,
    count: 1,
  });
  await em.flush();
}

/** Where the database is away, this process counts alone. */
async function takeTurn(tools: SettingTools, { ipAddress }: Requester): Promise<number> {
  const { desk, turns, rules, now } = tools;
  const key = networkOf(ipAddress);
  if (desk.em !== null) return await tryTurn(desk.em.fork(), tools, 'connection', key);
  return turns.take(key, rules.limits.connection, now());
}
