import { isInterfaceType, isObjectType, type GraphQLSchema } from 'graphql';
import type { RoleName } from '../entities/role.ts';
import type { RowRule } from '../entities/rule.ts';
import type { Viewer } from '../entities/viewer.ts';
import * as account from './account.ts';
import * as agreement from './agreement.ts';
import * as audit from './audit.ts';
import * as benevolence from './benevolence.ts';
import * as calendar from './calendar.ts';
import { rows as cases } from './case.ts';
import * as credential from './credential.ts';
import * as deadline from './deadline.ts';
import * as grievance from './grievance.ts';
import * as member from './member.ts';
import * as node from './node.ts';
import * as note from './note.ts';
import * as organization from './organization.ts';
import * as role from './role.ts';
import { unlessClosed, type ActionRules, type OperationRule, type Operations } from './rule.ts';
import * as salting from './salting.ts';
import * as session from './session.ts';
import * as setting from './setting.ts';
import * as summary from './summary.ts';
import * as user from './user.ts';
import * as vault from './vault.ts';

const domains = [
  account,
  agreement,
  audit,
  benevolence,
  calendar,
  credential,
  deadline,
  grievance,
  member,
  node,
  note,
  organization,
  role,
  salting,
  session,
  setting,
  summary,
  user,
  vault,
];

export type RootType = keyof Operations;

export const rootTypes: readonly RootType[] = ['Query', 'Mutation', 'Subscription'];

/** Every operation's rule, by root type. */
export const operations: Readonly<Record<RootType, Readonly<Record<string, OperationRule>>>> = {
  Query: merged('Query'),
  Mutation: merged('Mutation'),
  Subscription: merged('Subscription'),
};

/** Every row rule. */
export const rowRules: readonly RowRule[] = [...domains.flatMap(({ rows }) => rows), ...cases];

const caseActions: Readonly<Record<string, ActionRules<string>>> = {
  Organization: organization.actions,
  Grievance: grievance.actions,
  BenevolenceApplication: benevolence.actions,
};

/** Whether the roles allow an action on a case, or on another record type with several actions. */
export function mayAct(roles: ReadonlySet<RoleName>, caseType: string, action: string, isOwn: boolean): boolean {
  const rule = caseActions[caseType]?.[action];
  if (!rule) return false;
  return rule.any.some((each) => roles.has(each)) || (isOwn && (rule.own ?? []).some((each) => roles.has(each)));
}

/** An operation, and whether the viewer may call it. */
export interface Permission {
  type: RootType;
  operation: string;
  isAllowed: boolean;
}

/**
 * Lists all operations and whether the rules allow them to this viewer. Operations that require step-up count as
 * allowed: a client offers them, and asks for the password when they are used.
 */
export const permissionsOf = (viewer: Viewer): Permission[] =>
  rootTypes.flatMap((type) =>
    Object.entries(operations[type]).map(([operation, rule]) => ({
      type,
      operation,
      isAllowed: (rule.apartFromStepUp ?? rule).judge(viewer) === true,
    })),
  );

/** The types that `node` may find for this viewer: those whose own query the viewer may call. */
export const nodeTypesOf = (viewer: Viewer): string[] =>
  Object.keys(node.queries).filter((type) => operations.Query[node.queries[type] ?? '']?.judge(viewer) === true);

/**
 * Lists the types that implement Node without a query in `node.queries`, and those in `node.queries` that do not
 * implement Node.
 */
export function nodeGaps(schema: GraphQLSchema): string[] {
  const type = schema.getType('Node');
  const found = isInterfaceType(type) ? schema.getPossibleTypes(type).map(({ name }) => name) : [];
  return [
    ...found
      .filter((name) => !(node.queries[name] && operations.Query[node.queries[name]]))
      .map((name) => `${name} is a Node without a query`),
    ...Object.keys(node.queries)
      .filter((name) => !found.includes(name))
      .map((name) => `${name} has a node query but does not implement Node`),
  ];
}

/** Lists the root fields without a rule, and the rules without a root field. */
export function operationGaps(schema: GraphQLSchema, rules: typeof operations = operations): string[] {
  return rootTypes.flatMap((root) => {
    const type = schema.getType(root);
    const published = isObjectType(type) ? Object.keys(type.getFields()) : [];
    const ruled = Object.keys(rules[root]);
    return [
      ...published.filter((name) => !ruled.includes(name)).map((name) => `${root}.${name} has no rule`),
      ...ruled
        .filter((name) => !published.includes(name))
        .map((name) => `${root}.${name} has a rule but is not published`),
    ];
  });
}

/**
 * Lists the stored entities without a row rule, the types with two, and the rules for types that the schema does not
 * publish.
 */
export function rowGaps(
  schema: GraphQLSchema,
  entities: readonly { readonly name: string }[],
  rules: readonly RowRule[],
): string[] {
  const isRuled = (entity: unknown) => rules.some((rule) => rule.entity === entity);
  const types = rules.map(({ type }) => type);
  return [
    ...entities.filter((entity) => !isRuled(entity)).map(({ name }) => `${name} has no row rule`),
    ...types.filter((type, place) => types.indexOf(type) !== place).map((type) => `${type} has two row rules`),
    ...rules
      .filter(({ type, grants }) => grants.length > 0 && !isObjectType(schema.getType(type)))
      .map(({ type }) => `${type} has a row rule but is not published`),
  ];
}

function merged(root: RootType): Record<string, OperationRule> {
  const all: Record<string, OperationRule> = {};
  for (const { operations: own } of domains) {
    for (const [name, rule] of Object.entries((own as Operations)[root] ?? {})) {
      if (all[name]) throw new Error(`${root}.${name} has two rules`);
      all[name] = unlessClosed(name, rule);
    }
  }
  return all;
}
