import 'reflect-metadata';
import type { MetadataStorage } from '@mikro-orm/core';
import { assertValidSchema, lexicographicSortSchema, printSchema, type GraphQLSchema } from 'graphql';
import { MikroORM } from '@mikro-orm/pglite';
import { applyMiddleware, type IMiddlewareTypeMap } from 'graphql-middleware';
import { buildSchemaSync } from 'type-graphql';
import { ormOptions } from '../mikro-orm.config.ts';
import { cleanArguments } from './http/clean-text.ts';
import { countLists } from './http/query-cost.ts';
import { entities } from './entities/index.ts';
import type { RowRule } from './entities/rule.ts';
import { nodeGaps, operationGaps, operations, rootTypes, rowGaps, rowRules } from './permissions/index.ts';
import { describeRights } from './permissions/print.ts';
import { shieldFor, type OnRefusal } from './permissions/shield.ts';
import { attachReading } from './reading/resolve.ts';
import { gapsOf } from './reading/visibility.ts';
import { mappingsOf, type TypeMappings } from './reading/mapping.ts';
import { resolvers as allResolvers } from './resolvers/index.ts';
import { OperatorError } from './errors.ts';

/** The schema as it is served, and what the reading side knows of it. */
export interface Executable {
  readonly schema: GraphQLSchema;
  readonly mappings: TypeMappings;
}

/** What a schema is made of; tests put other things in, to see the gaps found. */
export interface SchemaParts {
  readonly resolvers?: readonly NonNullable<unknown>[];
  readonly entities?: readonly { readonly name: string }[];
  readonly rowRules?: readonly RowRule[];
}

/** Rights with gaps: the process does not start with them. */
export class PermissionGap extends OperatorError {
  constructor(readonly gaps: readonly string[]) {
    super(`Permission rules are incomplete:\n${gaps.map((gap) => `  ${gap}`).join('\n')}`);
  }
}

/**
 * Builds the executable schema: resolvers, reading, permissions.
 *
 * @throws {PermissionGap} when a root field, an entity or a field of a restricted type has no rule.
 */
export function buildExecutable(metadata: MetadataStorage, parts: SchemaParts = {}): Executable {
  const rules = parts.rowRules ?? rowRules;
  // TypeGraphQL would look at the schema by introspecting it, which takes longer than to build it; that it is valid is asked here.
  const schema = buildSchemaSync({ resolvers: (parts.resolvers ?? allResolvers) as never, validate: false, pubSub: none, skipCheck: true });
  assertValidSchema(schema);
  describeRoots(schema);
  const gaps = [
    ...operationGaps(schema),
    ...nodeGaps(schema),
    ...rowGaps(schema, parts.entities ?? entities, rules),
    ...rules.flatMap((rule) => gapsOf(rule, schema)),
  ];
  if (gaps.length > 0) throw new PermissionGap(gaps);
  describeRights(schema, rules);
  const mappings = mappingsOf(schema, metadata, rules);
  attachReading(schema, mappings);
  cleanArguments(schema);
  countLists(schema);
  const middleware = shieldFor(schema, operations, rootTypes, reportRefusal);
  return { schema: guardSubscribing(applyMiddleware(schema, middleware), middleware), mappings };
}

/** TypeGraphQL demands one as soon as there is a subscription; every subscription here says itself where its events come from. */
const none = {
  publish: () => {},
  subscribe: (): never => {
    throw new Error('A subscription must define the source of its events.');
  },
};

// oxlint-disable-next-line max-params -- graphql-middleware's signature
type Guard = (resolve: () => unknown, parent: unknown, args: unknown, context: unknown, info: unknown) => unknown;

/** The middleware guards what a field answers, which is each event: nobody begins to listen who may not, either. */
function guardSubscribing(schema: GraphQLSchema, middleware: IMiddlewareTypeMap): GraphQLSchema {
  const guards = (middleware['Subscription'] ?? {}) as Readonly<Record<string, Guard>>;
  for (const [name, field] of Object.entries(schema.getSubscriptionType()?.getFields() ?? {})) {
    const [guard, { subscribe }] = [guards[name], field];
    if (!guard || !subscribe) throw new Error(`Subscription.${name} has no guard`);
    field.subscribe = (parent, args, context, info) => guard(() => subscribe(parent, args, context, info), parent, args, context, info);
  }
  return schema;
}

/** The same without a database: what is asked is known before there is one. */
export async function buildOffline(): Promise<Executable> {
  const orm = await MikroORM.init({ ...ormOptions, dbName: 'memory://' } as never);
  try {
    return buildExecutable(orm.getMetadata());
  } finally {
    await orm.close();
  }
}

/** What was asked and may not be goes on record under the name that the schema has for it. */
const reportRefusal: OnRefusal = (context, operation, { each = false }, { code }) => context.refused({ operation, code, isSingle: each });

/** What TypeGraphQL leaves without a description. */
function describeRoots(schema: GraphQLSchema): void {
  const descriptions = {
    Query: 'The queries, which read data.',
    Mutation: 'The mutations, which change data.',
    Subscription: 'The subscriptions, which deliver events.',
  };
  for (const [name, description] of Object.entries(descriptions)) {
    const type = schema.getType(name);
    if (type) type.description = description;
  }
}

/** The contract: every type in alphabetical order, so that a change shows as itself. */
export const printContract = (schema: GraphQLSchema): string => `${printSchema(lexicographicSortSchema(schema))}\n`;
