import 'reflect-metadata';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { AuditEvent } from '../src/entities/audit.ts';
import { Session } from '../src/entities/session.ts';
import { settleOn, severalNodes, type Nodes } from './factor.kit.ts';
import { client, codeOf, password, rules, SessionCalls, type Local } from './session.kit.ts';

// Ends all sessions of a user from several sessions at once, which must not deadlock.

const rounds = 8;
let several: Nodes;
beforeAll(async () => {
  several = await severalNodes(2);
}, 60_000);
afterAll(async () => several.close());

const node = (index: number): Local => several.nodes[index % several.nodes.length] as Local;
const viewerOf = async (local: Local, accessToken: string) => {
  const viewer = await local.viewer(accessToken);
  if (viewer === null) throw new Error('Nobody is signed in');
  return viewer;
};

describe('of many concurrent requests in several sessions of one user', () => {
  it('thefts that end all sessions of the user end them, and each is answered as a theft', async () => {
    for (const each of several.nodes) each.rules = { ...rules, reuseEnds: 'user' };
    for (let round = 0; round < rounds; round++) {
      const local = await settleOn(several.nodes, `ring.${round}`);
      const stolen: string[] = [];
      for (let device = 0; device < 12; device++) {
        const { refreshToken } = await local.login();
        stolen.push(refreshToken ?? '');
        await local.refresh((await local.refresh(refreshToken)).refreshToken);
      }
      const codes = await Promise.all(stolen.map((token, index) => codeOf(node(index).refresh(token))));
      expect(codes).toEqual(stolen.map(() => 'UNAUTHENTICATED'));
      expect(await local.stored.count(Session, { user: local.user.id, endedAt: null })).toBe(0);
      expect(await local.stored.count(AuditEvent, { actor: local.user.id, action: 'refresh_reuse' })).toBe(1);
    }
  }, 120_000);

  it('a changed password and the end of all sessions do not deadlock', async () => {
    for (const each of several.nodes) each.rules = rules;
    for (let round = 0; round < rounds; round++) {
      const local = await settleOn(several.nodes, `change.${round}`);
      const [changing, leaving] = [
        await viewerOf(local, (await local.login()).accessToken),
        await viewerOf(local, (await local.login()).accessToken),
      ];
      const left: Promise<unknown>[] = [];
      // When it mails, the change has ended the other session and still has to read its own, where the other one
      // interferes.
      const enqueue = async (): Promise<void> => {
        left.push(codeOf(node(1).sessions.logoutAll(leaving, client)));
        while ((await local.row<{ waiting: number }>(waiters)).waiting === 0);
      };
      const sessions = new SessionCalls(local.em, { ...local.tools, mail: { enqueue } });
      const input = { currentPassword: password, newPassword: `a quiet river ${round}` };
      const changed = await codeOf(sessions.changePassword(changing, input, client, ''));
      expect([changed, ...(await Promise.all(left))]).toEqual(['no refusal', 'no refusal']);
      expect(await local.stored.count(Session, { user: local.user.id, endedAt: null })).toBe(0);
    }
  }, 120_000);
});

const waiters = `select count(*)::int as waiting from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`;
