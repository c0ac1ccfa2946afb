import type { GraphQLSchema } from 'graphql';
import { isShown, type Grant, type RowCondition, type RowRule } from '../entities/rule.ts';
import type { Viewer } from '../entities/viewer.ts';

/** The parts of a type that a viewer can see. */
export interface TypeVisibility {
  /** The condition for visible rows. Undefined if no role of the viewer can see any. */
  readonly rows: RowCondition | undefined;
  /** The conditions whose union is `rows`. */
  readonly alternatives: readonly RowCondition[];
  /** Whether a field is visible on all of those rows, on none, or under a condition. */
  shows(field: string): 'always' | 'never' | RowCondition;
}

/** Returns the visible parts of a type for a viewer: the union of their roles' grants. */
export function visibilityOf(rule: RowRule, viewer: Viewer): TypeVisibility {
  const grants = rule.grants.filter(({ to }) =>
    to === 'signed in' ? !viewer.isAnonymous : to.some((role) => viewer.roles.has(role)),
  );
  const reaching = (some: readonly Grant[]): RowCondition | 'every' | undefined => {
    if (some.length === 0) return undefined;
    const conditions = [...new Set(some.map(({ rows }) => rows))];
    if (conditions.some((condition) => condition('row') === 'true')) return 'every';
    return (row) => conditions.map((condition) => `(${condition(row)})`).join(' or ');
  };
  const rows = reaching(grants);
  return {
    rows: rows === 'every' ? () => 'true' : rows,
    alternatives: rows === 'every' ? [() => 'true'] : [...new Set(grants.map((grant) => grant.rows))],
    shows(field) {
      const showing = grants.filter((grant) => isShown(rule, grant, field));
      if (showing.length === 0) return 'never';
      if (showing.length === grants.length) return 'always';
      const where = reaching(showing);
      return where === 'every' ? 'always' : (where ?? 'never');
    },
  };
}

/**
 * Lists the gaps in a row rule: a field of a restricted type that is in no group or in two, an unknown group, or a
 * field that can be hidden but is not nullable. An empty list means that the rule is complete.
 */
export function gapsOf(rule: RowRule, schema: GraphQLSchema): string[] {
  const type = schema.getType(rule.type);
  if (!type || !('getFields' in type)) return [];
  const restricted = rule.grants.filter(({ see }) => see !== 'everything');
  if (restricted.length === 0) return [];
  const published = Object.values(type.getFields());
  const grouped = Object.values(rule.fields ?? {}).flat();
  return [
    ...published
      .filter(({ name }) => !grouped.includes(name))
      .map(({ name }) => `${rule.type}.${name} is in no field group of its rule`),
    ...grouped
      .filter((name, place) => grouped.indexOf(name) !== place)
      .map((name) => `${rule.type}.${name} is in two field groups`),
    ...grouped
      .filter((name) => !published.some((field) => field.name === name))
      .map((name) => `${rule.type}.${name} has a rule but is not published`),
    ...restricted
      .flatMap(({ see }) => see)
      .filter((group) => !(group in (rule.fields ?? {})))
      .map((group) => `${rule.type} grants an unknown field group: ${group}`),
    ...published
      .filter(
        ({ name, type: of }) => String(of).endsWith('!') && restricted.some((grant) => !isShown(rule, grant, name)),
      )
      .map(({ name }) => `${rule.type}.${name} may be hidden, so it must be nullable`),
  ];
}
