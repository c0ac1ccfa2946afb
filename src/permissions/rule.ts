import {
  enrollmentRequired,
  forbidden,
  passwordChangeRequired,
  stepUpRequired,
  unauthenticated,
  type Refusal,
} from '../errors.ts';
import type { RoleName } from '../entities/role.ts';
import type { Grant, RowRule } from '../entities/rule.ts';
import type { Viewer } from '../entities/viewer.ts';

/**
 * Decides whether a caller may call an operation. Looks only at the viewer, so that `permissions` can answer
 * beforehand.
 */
export interface OperationRule {
  readonly judge: (viewer: Viewer, args?: Arguments) => true | Refusal;
  /** The other requirements of a rule that requires step-up authentication. */
  readonly apartFromStepUp?: OperationRule;
  /**
   * Whether each refusal of a signed-in caller gets an audit event of its own, as for secrets and settings. All other
   * refusals are counted.
   */
  readonly each?: true;
}

/** The arguments of an operation, for rules that depend on them. */
export type Arguments = Readonly<Record<string, unknown>>;

export type OperationRules = Readonly<Record<string, OperationRule>>;

/** The operations of a domain, by root type. */
export interface Operations {
  readonly Query?: OperationRules;
  readonly Mutation?: OperationRules;
  readonly Subscription?: OperationRules;
}

/** Anyone, signed in or not. */
export const anyone: OperationRule = { judge: () => true };

const unverified = (): Refusal => forbidden('Verify your e-mail address before doing this.');

/** Every signed-in user, even while the password must be changed or the address verified. */
export const fromTheStart: OperationRule = { judge: (viewer) => (viewer.isAnonymous ? unauthenticated() : true) };

/** Every signed-in user, even while the password must be changed. */
export const evenBeforePasswordChange: OperationRule = {
  judge: (viewer) => {
    if (viewer.isAnonymous) return unauthenticated();
    return viewer.mustVerify ? unverified() : true;
  },
};

/** Every signed-in user, even while the address must be verified. */
export const evenBeforeVerification: OperationRule = {
  judge: (viewer) => {
    if (viewer.isAnonymous) return unauthenticated();
    return viewer.passwordMustChange ? passwordChangeRequired() : true;
  },
};

/** Every signed-in user, even while a second factor must be set up. */
export const evenBeforeEnrollment: OperationRule = {
  judge: (viewer) => {
    const verdict = evenBeforeVerification.judge(viewer);
    return verdict === true ? evenBeforePasswordChange.judge(viewer) : verdict;
  },
};

/** Every signed-in user, with or without a role. */
export const signedIn: OperationRule = {
  judge: (viewer) => {
    const verdict = evenBeforeEnrollment.judge(viewer);
    return verdict === true && viewer.mustEnroll ? enrollmentRequired() : verdict;
  },
};

/** The rule of an operation that the operator may restrict to callers with a verified address. */
export function unlessClosed(operation: string, rule: OperationRule): OperationRule {
  const { apartFromStepUp } = rule;
  return {
    judge: (viewer, args) => {
      const verdict = rule.judge(viewer, args);
      return verdict === true && viewer.isClosed(operation) ? unverified() : verdict;
    },
    ...(apartFromStepUp && { apartFromStepUp: unlessClosed(operation, apartFromStepUp) }),
    ...(rule.each && { each: rule.each }),
  };
}

/** Callers with one of these roles. */
export function allow(...roles: RoleName[]): OperationRule {
  return {
    judge: (viewer) => {
      const verdict = signedIn.judge(viewer);
      if (verdict !== true) return verdict;
      return roles.some((role) => viewer.roles.has(role)) ? true : forbidden();
    },
  };
}

/** The one user who owns the instance, whichever roles that user holds. */
export const owner: OperationRule = {
  judge: (viewer) => {
    const verdict = signedIn.judge(viewer);
    if (verdict !== true) return verdict;
    return viewer.isOwner ? true : forbidden('Only the owner of this instance may do this.');
  },
};

/** Callers that the rule allows, for a limited time after a sign-in or after they confirmed the password. */
export function withStepUp(rule: OperationRule): OperationRule {
  return {
    judge: (viewer) => {
      const verdict = rule.judge(viewer);
      if (verdict !== true) return verdict;
      return viewer.hasSteppedUp ? true : stepUpRequired();
    },
    apartFromStepUp: rule,
    ...(rule.each && { each: rule.each }),
  };
}

/** Callers that the rule allows, or that send a set-up token, which the use case then verifies. */
export const orWithSetupToken = (rule: OperationRule): OperationRule => ({
  ...rule,
  judge: (viewer, args) => (typeof args?.['setupToken'] === 'string' ? true : rule.judge(viewer)),
});

/** The same rule, but each refusal of a signed-in caller gets an audit event of its own. */
export const recordedEach = (rule: OperationRule): OperationRule => ({ ...rule, each: true });

/** The roles that may take an action on every case that they see, and those that may only on their own. */
export interface ActionRule {
  readonly any: readonly RoleName[];
  readonly own?: readonly RoleName[];
}

export type ActionRules<Action extends string> = Readonly<Record<Action, ActionRule>>;

/** Callers who may take an action on at least some cases. */
export const allowAction = ({ any, own = [] }: ActionRule): OperationRule => allow(...any, ...own);

/** A row rule: who sees which rows of a type, and which fields of them. */
export const rule = (
  type: string,
  entity: RowRule['entity'],
  grants: readonly Grant[],
  fields?: RowRule['fields'],
): RowRule => ({
  type,
  entity,
  grants,
  ...(fields && { fields }),
});

/** A rule for rows that no viewer ever reads. */
export const noRows = (entity: RowRule['entity']): RowRule => ({ type: entity.name, entity, grants: [] });
