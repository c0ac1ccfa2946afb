import { enrollmentRequired, forbidden, passwordChangeRequired, stepUpRequired, unauthenticated, type Refusal } from '../errors.ts';
import type { RoleName } from '../entities/role.ts';
import type { Grant, RowRule } from '../entities/rule.ts';
import type { Viewer } from '../entities/viewer.ts';

/** Whether this caller may ask this at all. Looks at the viewer alone, so that `permissions` can answer it beforehand. */
export interface OperationRule {
  readonly judge: (viewer: Viewer, args?: Arguments) => true | Refusal;
  /** What the rule requires besides step-up authentication, if it requires step-up. */
  readonly apartFromStepUp?: OperationRule;
  /** Whether a signed-in caller gets an event of its own for a refusal, as for secrets and settings; all others are counted. */
  readonly each?: true;
}

/** What an operation is asked with, where the rule looks at that. */
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

/** The rule of an operation that the operator may keep for those whose address is verified. */
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

/** Holders of one of these roles. */
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
export function steppedUp(rule: OperationRule): OperationRule {
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

/** The same rule, whose refusals get an event of their own where the caller is signed in. */
export const recordedEach = (rule: OperationRule): OperationRule => ({ ...rule, each: true });

/** Which roles may take an action on any case they see, and which on their own alone. */
export interface ActionRule {
  readonly any: readonly RoleName[];
  readonly own?: readonly RoleName[];
}

export type ActionRules<Action extends string> = Readonly<Record<Action, ActionRule>>;

/** Callers that may take an action on at least some cases. */
export const allowAction = ({ any, own = [] }: ActionRule): OperationRule => allow(...any, ...own);

/** Who sees which rows of a type, and what of them. */
export const rule = (type: string, entity: RowRule['entity'], grants: readonly Grant[], fields?: RowRule['fields']): RowRule => ({
  type,
  entity,
  grants,
  ...(fields && { fields }),
});

/** A rule for what no viewer ever reads. */
export const noRows = (entity: RowRule['entity']): RowRule => ({ type: entity.name, entity, grants: [] });
