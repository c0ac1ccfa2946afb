import type { Collection, EntityClass } from '@mikro-orm/postgresql';
import type { CaseChange, ActionContext } from '../../entities/case.ts';
import type { Identified } from '../../entities/record.ts';
import { User } from '../../entities/user.ts';
import { notFound } from '../../errors.ts';
import { recordChange } from '../audit/event.ts';
import { findVisible } from '../record/index.ts';
import { todayOf, type Scope } from '../scope.ts';

/** The case that a client names, optionally in the version that it last read. */
export interface CaseTarget {
  readonly id: string;
  readonly version?: number | null;
  /** The path of the id in the input; `input.id` by default. */
  readonly path?: string;
}

/** Changes a locked case inside the scope's transaction. */
export type ChangeCase<Case> = (row: Case, context: ActionContext, scope: Scope) => void | Promise<void>;

/** A case that knows which actions its state allows. */
interface Actionable<Action extends string> extends Identified {
  readonly member: { readonly id: string };
  /** @throws CONFLICT if its state does not allow the action, or the version is outdated. */
  demand(action: Action, version: number | null | undefined, today: string): void;
}

/** A kind of case. */
export interface CaseKind<Case> {
  readonly entity: EntityClass<Case>;
  readonly name: CaseChange['kind'];
  /** The first word of its actions in the audit log. */
  readonly domain: string;
  /** The collections that decide, with the status, which actions are allowed. */
  readonly parts: readonly (keyof {
    [Key in keyof Case as Case[Key] extends Collection<object> ? Key : never]: true;
  })[];
  /** Updates the values that are computed from the case, after each change. */
  readonly settle?: (scope: Scope, row: Case) => Promise<void>;
}

/**
 * Creates the function that acts on cases of a kind. It locks the case until the change is committed, so the second of
 * two concurrent actions sees the state that the first one left. The change, its history event and its audit event are
 * written in one transaction. It returns the case's id.
 * @throws BAD_INPUT for a malformed id; NOT_FOUND for a case that is hidden from the viewer or that the viewer may not
 * act on; CONFLICT if the state does not allow the action or the version is outdated.
 */
export const caseAction =
  <Action extends string, Case extends Actionable<Action>>({ entity, name, domain, parts, settle }: CaseKind<Case>) =>
  (scope: Scope, action: Action, target: CaseTarget, change: ChangeCase<Case>): Promise<string> =>
    scope.transaction(async (inner) => {
      const { em, viewer } = inner;
      const row: Case = await findVisible(inner, entity, target.id, { path: target.path ?? 'input.id', isHeld: true });
      if (!viewer.may(name, action, row.member.id === viewer.memberId)) throw notFound();
      await em.populate(row, parts as never);
      const context = actionContext(inner);
      row.demand(action, target.version, context.today);
      await change(row, context, inner);
      await settle?.(inner, row);
      recordChange(inner, { action: `${domain}.${action}`, targetType: name, targetId: row.id });
      return row.id;
    });

/** The viewer as the actor of a change that happens now. */
export function actionContext(scope: Scope): ActionContext {
  const { em, viewer, now } = scope;
  const actor = viewer.userId === null ? null : em.getReference(User, viewer.userId, { wrapped: true });
  return { actor, at: now(), today: todayOf(scope) };
}
