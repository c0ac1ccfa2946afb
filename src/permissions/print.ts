import { isObjectType, type GraphQLSchema } from 'graphql';
import { RoleName } from '../entities/role.ts';
import type { Grant, RowRule } from '../entities/rule.ts';
import { Viewer } from '../entities/viewer.ts';
import { mayAct, operations, rootTypes, rowRules } from './index.ts';

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

const fieldsOf = (schema: GraphQLSchema, name: string): string[] => {
  const type = schema.getType(name);
  return isObjectType(type) ? Object.keys(type.getFields()) : [];
};

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

/** Somebody who holds exactly one role. */
const asRole = (role: RoleName, isOwner = false): Viewer =>
  new Viewer(
    {
      userId: '',
      sessionId: '',
      memberId: null,
      isOwner,
      passwordMustChange: false,
      mustVerify: false,
      closedOperations: new Set(),
      hasSteppedUp: true,
      roles: new Set([role]),
      reviewLevels: new Set(),
    },
    mayAct,
  );
