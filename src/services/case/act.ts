import type { Collection, EntityClass, SqlEntityManager } from '@mikro-orm/postgresql';
import type { Act, CaseChange } from '../../entities/case.ts';
import type { Identified } from '../../entities/record.ts';
import { dayIn } from '../../entities/scalars.ts';
import { User } from '../../entities/user.ts';
import { notFound } from '../../errors.ts';
import { recordChange, type ChangeTools } from '../audit/event.ts';
import { find, type Acting } from '../record/index.ts';

/** Which case is meant, possibly in a version that was looked at. */
export interface Aim {
  readonly id: string;
  readonly version?: number | null;
  /** Where the client wrote the id; `input.id` when left out. */
  readonly path?: string;
}

/** Changes the case that is held, with the entity manager of the transaction. */
export type Change<Case> = (row: Case, act: Act, em: SqlEntityManager) => void | Promise<void>;

/** A case that says what can be done with it. */
interface Actionable<Action extends string> extends Identified {
  readonly member: { readonly id: string };
  /** @throws CONFLICT where it does not stand so that this can be done, or is not the version that was looked at. */
  demand(action: Action, version?: number | null): void;
}

/** A kind of case. */
export interface CaseKind<Case> {
  readonly entity: EntityClass<Case>;
  readonly name: CaseChange['kind'];
  /** The first word of its actions in the audit log. */
  readonly domain: string;
  /** What belongs to it and decides what can be done. */
  readonly parts: keyof { [Key in keyof Case as Case[Key] extends Collection<object> ? Key : never]: true };
}

/**
 * What acts on cases of a kind. It holds the case until the change is written: of two who act at once, the second is
 * judged by the state it finds. The change, its place in the history and its audit event are written together or not at
 * all. It answers the case's id; it throws BAD_INPUT for what is no id; NOT_FOUND for what is hidden, or not this viewer's
 * to act on; CONFLICT where the state does not allow the action, or the version is not the one the case has.
 */
export const actingOn =
  <Action extends string, Case extends Actionable<Action>>({ entity, name, domain, parts }: CaseKind<Case>) =>
  (acting: Acting, action: Action, aim: Aim, change: Change<Case>): Promise<string> =>
    acting.em.transactional(async (transaction) => {
      const { tools, viewer, requester } = acting;
      const row: Case = await find(transaction, entity, aim.id, { path: aim.path ?? 'input.id', isHeld: true });
      if (!viewer.may(name, action, row.member.id === viewer.memberId)) throw notFound();
      await transaction.populate(row, [parts] as never);
      row.demand(action, aim.version);
      await change(row, actNow({ ...acting, em: transaction }), transaction);
      recordChange(transaction, tools, viewer, requester, { action: `${domain}.${action}`, targetType: name, targetId: row.id });
      return row.id;
    });

/** What is done now, by the viewer. */
export function actNow({ em, tools, viewer }: Acting<ChangeTools>): Act {
  const at = tools.now();
  const actor = viewer.userId === null ? null : em.getReference(User, viewer.userId, { wrapped: true });
  return { actor, at, today: dayIn(tools.timeZone, at) };
}
