import type { RoleName } from './role.ts';

/**
 * Which rows: one SQL condition over a table alias. `:user`, `:member` and `:now` stand for the viewer's user id, the
 * viewer's member id and the instant of the request. The ORM's filter and the reading side both run this very text.
 */
export type RowCondition = (row: string) => string;

/** The rows a grant reaches, and the fields it shows of them. */
export interface Grant {
  /** Holders of one of these roles, or every signed-in user, even with no role in force. */
  readonly to: readonly RoleName[] | 'signed in';
  readonly rows: RowCondition;
  /** Which rows those are, in words: `their own`. */
  readonly which: string;
  /** `everything`, or names of the rule's field groups. */
  readonly see: 'everything' | readonly string[];
}

/**
 * Who sees which rows of a type, and what of them. A caller with several roles has the union of what they give:
 * a row that any grant reaches exists, and a field shows on a row where any grant that shows it reaches the row.
 */
export interface RowRule {
  /** The GraphQL type, or the entity's name where it is not published. */
  readonly type: string;
  readonly entity: abstract new (...args: never[]) => object;
  /** The class of the GraphQL type, where it is not the entity's own: its derived fields are looked for there first. */
  readonly view?: abstract new (...args: never[]) => object;
  readonly grants: readonly Grant[];
  /** Every published field, once each, by group; demanded as soon as one grant does not show everything. */
  readonly fields?: Readonly<Record<string, readonly string[]>>;
}

/** The rows of a grant that reaches every one. */
export const everyRow = { which: 'all', rows: () => 'true' } as const satisfies Pick<Grant, 'which' | 'rows'>;

/** Whether a grant shows a field on the rows it reaches. */
export function isShown(rule: RowRule, grant: Grant, field: string): boolean {
  if (grant.see === 'everything') return true;
  return grant.see.some((group) => rule.fields?.[group]?.includes(field) ?? false);
}
