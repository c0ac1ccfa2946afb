import { forbidden, passwordChangeRequired, unauthenticated, type Refusal } from '../errors.ts';
import type { RoleName } from '../entities/role.ts';
import type { Grant, RowRule } from '../entities/rule.ts';
import type { Viewer } from '../entities/viewer.ts';

/** Whether this caller may ask this at all. Looks at the viewer alone, so that `permissions` can answer it beforehand. */
export interface OperationRule {
  readonly judge: (viewer: Viewer) => true | Refusal;
}

export type OperationRules = Readonly<Record<string, OperationRule>>;

/** The operations of a domain, by root type. */
export interface Operations {
  readonly Query?: OperationRules;
  readonly Mutation?: OperationRules;
  readonly Subscription?: OperationRules;
}

/** Anyone, signed in or not. */
export const anyone: OperationRule = { judge: () => true };

/** Whoever is signed in, even while the password must be changed. */
export const evenBeforePasswordChange: OperationRule = { judge: (viewer) => (viewer.isAnonymous ? unauthenticated() : true) };

/** Whoever is signed in, with or without a role. */
export const signedIn: OperationRule = {
  judge: (viewer) => {
    if (viewer.isAnonymous) return unauthenticated();
    return viewer.passwordMustChange ? passwordChangeRequired() : true;
  },
};

/** Whoever holds one of these roles. */
export function allow(...roles: RoleName[]): OperationRule {
  return {
    judge: (viewer) => {
      const verdict = signedIn.judge(viewer);
      if (verdict !== true) return verdict;
      return roles.some((role) => viewer.roles.has(role)) ? true : forbidden();
    },
  };
}

/** Which roles may take an action on any case they see, and which on their own alone. */
export interface ActionRule {
  readonly any: readonly RoleName[];
  readonly own?: readonly RoleName[];
}

export type ActionRules<Action extends string> = Readonly<Record<Action, ActionRule>>;

/** Who sees which rows of a type, and what of them. */
export const rule = (type: string, entity: RowRule['entity'], grants: readonly Grant[], fields?: RowRule['fields']): RowRule => ({
  type,
  entity,
  grants,
  ...(fields && { fields }),
});

/** A rule for what no viewer ever reads. */
export const noRows = (entity: RowRule['entity']): RowRule => ({ type: entity.name, entity, grants: [] });
