import type { SqlEntityManager } from '@mikro-orm/postgresql';
import { AuditOutcome } from '../../entities/audit.ts';
import type { Viewer } from '../../entities/viewer.ts';
import { badCredentials, rateLimited } from '../../errors.ts';
import { recordRefusal, type DenialFacts } from '../audit/denial.ts';
import { recordChange, type Requester } from '../audit/event.ts';
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
 * @throws BAD_CREDENTIALS for a wrong token; RATE_LIMITED. Both are recorded.
 */
export async function demandAllowed(tools: SettingTools, asker: Asker, action: SettingAction): Promise<void> {
  const wait = await takeTurn(tools, asker.client);
  if (wait > 0) {
    await recordFailure(tools, asker, { action, outcome: AuditOutcome.DENIED, reason: 'rate_limited' });
    throw rateLimited(wait);
  }
  if (asker.setupToken === null || (await tools.setup.isToken(asker.setupToken))) return;
  await recordFailure(tools, asker, { action, outcome: AuditOutcome.DENIED, reason: 'wrong_setup_token' });
  throw badCredentials();
}

export type SettingAction = 'setting.test' | 'setting.save';

/** The database manager to record with; null where there is no database, and the process log has the entry instead. */
function recording({ desk }: SettingTools, { client }: Asker, entry: string): SqlEntityManager | null {
  const em = desk.em?.fork() ?? null;
  if (em === null) desk.warn(`${entry} (request ${client.requestId})`);
  return em;
}

/** Records that an action succeeded: never which database, user or password was given. */
export async function recordSuccess(tools: SettingTools, asker: Asker, action: SettingAction): Promise<void> {
  const em = recording(tools, asker, `${action} ${AuditOutcome.SUCCEEDED}`);
  if (em === null) return;
  recordChange({ em, ...tools, viewer: asker.viewer, client: asker.client }, { action, targetType: null, targetId: null });
  await em.flush();
}

/** An action that was refused, or failed, and why. */
export type SettingRefusal = Pick<DenialFacts, 'outcome' | 'reason'> & { readonly action: SettingAction };

/** Records a refusal within the limits of the audit log. */
export async function recordFailure(tools: SettingTools, asker: Asker, refusal: SettingRefusal): Promise<void> {
  const { action, outcome, reason } = refusal;
  const em = recording(tools, asker, `${action} ${outcome}: ${reason}`);
  if (em === null) return;
  const { userId: actorId, sessionId } = asker.viewer;
  const facts = { ...refusal, actorId, sessionId };
  await recordRefusal(em, tools, { facts, at: tools.now(), requester: asker.client, count: 1 });
}

/** Where the database is away, this process counts alone. */
async function takeTurn(tools: SettingTools, { ipAddress }: Requester): Promise<number> {
  const { desk, turns, rules, now } = tools;
  const key = networkOf(ipAddress);
  if (desk.em !== null) return await tryTurn(desk.em.fork(), tools, 'connection', key);
  return turns.take(key, rules.limits.connection, now());
}
