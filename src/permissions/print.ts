import { getNamedType, isNonNullType, isObjectType, type GraphQLField, type GraphQLObjectType, type GraphQLSchema } from 'graphql';
import { RoleName } from '../entities/role.ts';
import { everyRow, isShown, type Grant, type RowRule } from '../entities/rule.ts';
import { Viewer } from '../entities/viewer.ts';
import { mayAct, operations, rootTypes, rowRules } from './index.ts';
import type { OperationRule } from './rule.ts';

const roles = Object.values(RoleName);

/** Who may do what, as tables that a union officer can read: operations by role, and what each role sees of each type. */
export function printPermissions(schema: GraphQLSchema): string {
  const published = rowRules.filter(({ type }) => isObjectType(schema.getType(type)));
  return `${[
    '# Who may do what',
    'Written by `npm run permissions` from the rules in `src/permissions`; a test holds it against them.',
    '## Operations',
    'Which operations each role may ask, and the owner, who is an admin too. Which records they reach, and what they show of them, is in the next part. An operation with a star asks for a fresh proof of who it is: a sign-in or `reauthenticate` a short while ago.',
    operationTable(),
    '## Records',
    'Which records of each type exist for each role, and which fields they show. What a role does not see is answered as if it were not there. A user with several roles sees the union.',
    ...published.map((rule) => `### ${rule.type}\n\n${recordTable(rule, fieldsOf(schema, rule.type))}`),
  ].join('\n\n')}\n`;
}

/** Adds to what the schema says of its operations, types and fields for whom they are: the rules' own words. */
export function describeRights(schema: GraphQLSchema, rules: readonly RowRule[] = rowRules): void {
  for (const root of rootTypes) {
    for (const [name, field] of Object.entries(typeOf(schema, root)?.getFields() ?? {})) {
      const rule = operations[root][name];
      if (rule) field.description = [field.description, whoMayAsk(rule)].join(' ');
    }
  }
  for (const rule of rules) {
    const type = typeOf(schema, rule.type);
    if (!type) continue;
    type.description = [type.description, `Exists for ${inWords(rule.grants)}.`].join(' ');
    for (const field of Object.values(type.getFields())) {
      const showing = showingGrants(rule, field, rules);
      if (inWords(showing) !== inWords(rule.grants))
        field.description = [
          field.description,
          `Shown to ${inWords(showing)}; otherwise ${isNonNullType(field.type) ? 'empty' : 'null'}.`,
        ].join(' ');
    }
  }
}

/** The grants that show a field, each to those alone who see anything of the records that it leads to. */
function showingGrants(rule: RowRule, { name, type }: GraphQLField<unknown, unknown>, rules: readonly RowRule[]): Grant[] {
  const led = getNamedType(type).name.replace(/Connection$/, '');
  const target = rules.find((each) => each.type === led);
  const isReached = (role: RoleName): boolean => target?.grants.some(({ to }) => to === 'signed in' || to.includes(role)) ?? true;
  return rule.grants
    .filter((grant) => isShown(rule, grant, name))
    .map((grant) => (grant.to === 'signed in' ? grant : { ...grant, to: grant.to.filter(isReached) }))
    .filter(({ to }) => to.length > 0);
}

function whoMayAsk({ judge, apartFromStepUp }: OperationRule): string {
  const isLetIn = (viewer: Viewer): boolean => judge(viewer) === true;
  if (isLetIn(Viewer.anonymous)) return 'For anyone.';
  const asking = roles.filter((role) => isLetIn(asRole(role)));
  const whom = isLetIn(asRole(null)) ? 'whoever is signed in' : asking.length > 0 ? asking.join(', ') : 'the owner';
  return `For ${whom}${apartFromStepUp ? ', soon after a proof of who they are' : ''}.`;
}

/** Whom grants reach: `admin, officer; member: their own`. */
function inWords(grants: readonly Grant[]): string {
  const byRows = new Map<string, string[]>();
  for (const { to, which } of grants)
    byRows.set(which, [...(byRows.get(which) ?? []), ...(to === 'signed in' ? ['whoever is signed in'] : to)]);
  return [...byRows].map(([which, whom]) => `${whom.join(', ')}${which === everyRow.which ? '' : `: ${which}`}`).join('; ') || 'nobody';
}

function typeOf(schema: GraphQLSchema, name: string): GraphQLObjectType | undefined {
  const type = schema.getType(name);
  return isObjectType(type) ? type : undefined;
}

const fieldsOf = (schema: GraphQLSchema, name: string): string[] => Object.keys(typeOf(schema, name)?.getFields() ?? {});

function operationTable(): string {
  const header = ['operation', 'anonymous', ...roles, 'owner'];
  const askers = [Viewer.anonymous, ...roles.map((role) => asRole(role)), asRole(RoleName.ADMIN, true)];
  const lines = rootTypes.flatMap((root) =>
    Object.entries(operations[root])
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([name, { judge, apartFromStepUp }]) => [
        `${root}.${name}${apartFromStepUp ? ' \\*' : ''}`,
        ...askers.map((viewer) => (judge(viewer) === true ? 'yes' : '–')),
      ]),
  );
  return table([header, ...lines]);
}

function recordTable(rule: RowRule, fields: readonly string[]): string {
  const lines = roles.map((role) => {
    const grants = rule.grants.filter(({ to }) => to === 'signed in' || to.includes(role));
    return [
      role,
      grants.map(({ which }) => which).join('; ') || '–',
      grants.map((grant) => shownBy(rule, grant, fields)).join('; ') || '–',
    ];
  });
  return table([['role', 'which', 'fields'], ...lines]);
}

/** The shorter of what is shown and what is not. */
function shownBy(rule: RowRule, { see }: Grant, fields: readonly string[]): string {
  if (see === 'everything') return 'all';
  const shown = see.flatMap((group) => rule.fields?.[group] ?? []);
  const hidden = fields.filter((field) => !shown.includes(field));
  if (hidden.length === 0) return 'all';
  return hidden.length < shown.length ? `all but ${hidden.join(', ')}` : shown.join(', ');
}

const table = ([header = [], ...lines]: string[][]): string =>
  [header, header.map(() => '---'), ...lines].map((cells) => `| ${cells.join(' | ')} |`).join('\n');

/** Somebody who holds exactly one role, or none. */
const asRole = (role: RoleName | null, isOwner = false): Viewer =>
  new Viewer(
    {
      userId: '',
      sessionId: '',
      memberId: null,
      isOwner,
      passwordMustChange: false,
      mustVerify: false,
      mustEnroll: false,
      closedOperations: new Set(),
      hasSteppedUp: true,
      roles: new Set(role === null ? [] : [role]),
      reviewLevels: new Set(),
    },
    mayAct,
  );
