import { RoleName } from '../entities/role.ts';
import type { RowCondition } from '../entities/rule.ts';
import type { Viewer } from '../entities/viewer.ts';
import type { Plan } from './plan.ts';
import { sightOf, type Sight } from './sight.ts';

/** One thing to select: an expression over the row's alias, which may name `:user`, `:member` and `:now`. */
export interface Selected {
  readonly as: string;
  readonly sql: RowCondition;
  /** The PostgreSQL type, without length. */
  readonly type: string;
}

/** A plan as one kind of viewer may see it: what to select. */
export interface Lens {
  /** No other has the same. */
  readonly id: number;
  readonly plan: Plan;
  readonly sight: Sight;
  readonly seesDeleted: boolean;
  readonly select: readonly Selected[];
  /** Derived fields' sources that are selected apart, because the fields of the same name are hidden. */
  readonly apart: readonly string[];
  /** The lenses for what the asked relations lead to. */
  readonly related: ReadonlyMap<string, Lens>;
  /** The relations that are folded into a row of a list: those to one row, with nothing to many behind them. */
  readonly folds: ReadonlySet<string>;
  /** What is selected where all relations that are asked for certain are folded. */
  readonly inFold: readonly Selected[];
  /** The others that are asked for certain: each is read for all rows of a list at once. */
  readonly leads: readonly string[];
}

const lenses = new WeakMap<Plan, Map<string, Lens>>();

/** The lens of this plan for this viewer. It depends on the viewer's roles alone, so it serves all who share them. */
export function lensOf(plan: Plan, viewer: Viewer): Lens {
  const ofPlan = lenses.get(plan) ?? new Map<string, Lens>();
  lenses.set(plan, ofPlan);
  const key = viewer.isAnonymous ? 'anonymous' : [...viewer.roles].sort().join();
  const known = ofPlan.get(key);
  if (known) return known;
  const lens = makeLens(plan, viewer);
  ofPlan.set(key, lens);
  return lens;
}

/** How many there were. */
let made = 0;

function makeLens(plan: Plan, viewer: Viewer): Lens {
  const sight = sightOf(plan.subject.rule, viewer);
  const apart = [...plan.sources].filter((source) => sight.shows(source) !== 'always');
  const select = new Map<string, Omit<Selected, 'as'>>([['id', ownId]]);
  for (const field of plan.fields) {
    const held = heldBy(plan, field);
    if (held) select.set(field, { ...held, sql: masked(held.sql, sight.shows(field)) });
  }
  for (const field of plan.derived) {
    const shown = sight.shows(field);
    if (typeof shown === 'function') select.set(setApart(field), { sql: (row) => `(${shown(row)})`, type: 'boolean' });
  }
  for (const source of plan.sources) {
    const held = heldBy(plan, source);
    if (!held) throw new Error(`${plan.subject.type} derives a field from ${source}, which is not a column`);
    select.set(apart.includes(source) ? setApart(source) : source, held);
  }
  const related = new Map([...plan.relations].map(([field, next]) => [field, lensOf(next, viewer)]));
  const isFolded = (field: string) => plan.subject.relations.get(field)?.kind === 'one' && related.get(field)?.leads.length === 0;
  const selected = [...select].map(([as, held]) => ({ as, ...held }));
  return {
    id: (made += 1),
    plan,
    sight,
    seesDeleted: viewer.roles.has(RoleName.ADMIN),
    select: selected,
    inFold: beside({ select: selected, plan }, plan.certain),
    apart,
    related,
    folds: new Set([...plan.certain].filter(isFolded)),
    leads: [...plan.certain].filter((field) => !isFolded(field)),
  };
}

/** What is selected beside relations that are folded into the row: their keys lead nowhere any more. */
export const beside = ({ select, plan }: Pick<Lens, 'select' | 'plan'>, folds: ReadonlySet<string>): readonly Selected[] =>
  select.filter(({ as }) => !folds.has(as) || plan.sources.has(as));

/** Under which name is selected what the viewer may not see as the field: a source, or whether a derived field shows. */
export const setApart = (source: string): string => `${source}$`;

/** The expression behind a field: its column, or for a relation to many the row's own id, by which the others are found. */
function heldBy({ subject }: Plan, field: string): Omit<Selected, 'as'> | undefined {
  const column = subject.columns.get(field);
  if (column) return { sql: column.sql, type: column.type };
  return subject.relations.get(field)?.kind === 'many' ? ownId : undefined;
}

const ownId: Omit<Selected, 'as'> = { sql: (row) => `${row}."id"`, type: 'uuid' };

/** The expression as the viewer sees it: null on rows where the field is hidden. */
export function masked(sql: RowCondition, shown: ReturnType<Sight['shows']>): RowCondition {
  if (shown === 'always') return sql;
  if (shown === 'never') return () => 'null';
  return (row) => `case when ${shown(row)} then ${sql(row)} end`;
}
