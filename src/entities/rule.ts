import type { RoleName } from './role.ts';

/**
 * An SQL condition that selects rows by a table alias. `:user`, `:member` and `:now` stand for the viewer's user id,
 * the viewer's member id and the instant of the request. The ORM's filter and the reading side use the same text.
 */
export type RowCondition = (row: string) => string;

/** Grants some viewers access to some rows, and to some fields of these rows. */
export interface Grant {
  /** Holders of one of these roles, or every signed-in user, even without an active role. */
  readonly to: readonly RoleName[] | 'signed in';
  readonly rows: RowCondition;
  /** The rows in words: `their own`. */
  readonly which: string;
  /** `everything`, or the names of the rule's field groups. */
  readonly see: 'everything' | readonly string[];
}

/**
 * The visible rows of a type and their visible fields, per role. A caller with several roles has the union of their
 * grants: a row is visible if any grant reaches it, and a field if any grant that reaches the row shows it.
 */
export interface RowRule {
  /** The GraphQL type, or the name of an unpublished entity. */
  readonly type: string;
  readonly entity: abstract new (...args: never[]) => object;
  /** The class of the GraphQL type if it is not the entity. Derived fields are looked up there first. */
  readonly view?: abstract new (...args: never[]) => object;
  readonly grants: readonly Grant[];
  /** All published fields by group, each exactly once. Required unless every grant shows everything. */
  readonly fields?: Readonly<Record<string, readonly string[]>>;
}

/** A grant's selection of all rows. */
export const everyRow = { which: 'all', rows: () => 'true' } as const satisfies Pick<Grant, 'which' | 'rows'>;

/** Whether a grant shows a field of the rows that it reaches. */
export function isShown(rule: RowRule, grant: Grant, field: string): boolean {
  if (grant.see === 'everything') return true;
  return grant.see.some((group) => rule.fields?.[group]?.includes(field) ?? false);
}
