import type { SqlEntityManager } from '@mikro-orm/postgresql';
import type { Act } from '../../entities/case.ts';
import { Grievance, type GrievanceAction } from '../../entities/grievance.ts';
import { dayIn } from '../../entities/scalars.ts';
import { User } from '../../entities/user.ts';
import type { Viewer } from '../../entities/viewer.ts';
import { notFound } from '../../errors.ts';
import { recordChange, type ChangeTools, type Requester } from '../audit.ts';
import { find } from '../record.ts';

/** Who acts on grievances, and with what. */
export interface Acting {
  readonly em: SqlEntityManager;
  readonly tools: ChangeTools;
  readonly viewer: Viewer;
  readonly requester: Requester;
}

/** Which grievance is meant, possibly in a version that was looked at. */
export interface Aim {
  readonly id: string;
  readonly version?: number | null;
  /** Where the client wrote the id; `input.id` when left out. */
  readonly path?: string;
}

/** Changes the grievance that is held, with the entity manager of the transaction. */
export type Change = (grievance: Grievance, act: Act, em: SqlEntityManager) => void | Promise<void>;

/**
 * Holds the grievance until the change is written: of two who act at once, the second is judged by the state it finds.
 * The change, its place in the history and its audit event are written together or not at all.
 * @returns the grievance's id.
 * @throws BAD_INPUT for what is no id; NOT_FOUND for what is hidden, or not this viewer's to act on; CONFLICT where its
 * state does not allow the action, or the version is not the one it has.
 */
export async function actOn(acting: Acting, action: GrievanceAction, aim: Aim, change: Change): Promise<string> {
  const { em, tools, viewer, requester } = acting;
  return em.transactional(async (transaction) => {
    const grievance = await find(transaction, Grievance, aim.id, { path: aim.path ?? 'input.id', isHeld: true });
    if (!viewer.may('Grievance', action, grievance.member.id === viewer.memberId)) throw notFound();
    await transaction.populate(grievance, ['steps']);
    grievance.demand(action, aim.version);
    await change(grievance, actNow({ ...acting, em: transaction }), transaction);
    recordChange(transaction, tools, viewer, requester, {
      action: `grievance.${action}`,
      targetType: 'Grievance',
      targetId: grievance.id,
    });
    return grievance.id;
  });
}

/** What is done now, by the viewer. */
export function actNow({ em, tools, viewer }: Acting): Act {
  const at = tools.now();
  const actor = viewer.userId === null ? null : em.getReference(User, viewer.userId, { wrapped: true });
  return { actor, at, today: dayIn(tools.timeZone, at) };
}
