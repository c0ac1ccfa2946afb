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

/** The served schema, and the metadata that reading needs. */
export interface ExecutableSchema {
  readonly schema: GraphQLSchema;
  readonly mappings: TypeMappings;
}

/** The parts of a schema. Tests replace some of them to check that gaps are found. */
export interface SchemaParts {
  readonly resolvers?: readonly NonNullable<unknown>[];
  readonly entities?: readonly { readonly name: string }[];
  readonly rowRules?: readonly RowRule[];
}

/** The permissions have gaps, so the process does not start. */
export class PermissionGap extends OperatorError {
  constructor(readonly gaps: readonly string[]) {
    super(`Permission rules are incomplete:\n${gaps.map((gap) => `  ${gap}`).join('\n')}`);
  }
}

/**
 * Builds the executable schema with resolvers, reading and permissions.
 *
 * @throws {PermissionGap} if a root field, an entity or a field of a restricted type has no rule.
 */
export function buildExecutable(metadata: MetadataStorage, parts: SchemaParts = {}): ExecutableSchema {
  const rules = parts.rowRules ?? rowRules;
  // TypeGraphQL would validate the schema with an introspection query, which takes longer than building it. The
  // validity is checked here.
  const schema = buildSchemaSync({
    resolvers: (parts.resolvers ?? allResolvers) as never,
    validate: false,
    pubSub: none,
    skipCheck: true,
  });
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

/** TypeGraphQL requires a pub/sub if there is a subscription. Every subscription here names its own event source. */
const none = {
  publish: () => {},
  subscribe: (): never => {
    throw new Error('A subscription must define the source of its events.');
  },
};

// oxlint-disable-next-line max-params -- graphql-middleware's signature
type Guard = (resolve: () => unknown, parent: unknown, args: unknown, context: unknown, info: unknown) => unknown;

/** The middleware guards only the field's result, which is each event. This also guards the start of a subscription. */
function guardSubscribing(schema: GraphQLSchema, middleware: IMiddlewareTypeMap): GraphQLSchema {
  const guards = (middleware['Subscription'] ?? {}) as Readonly<Record<string, Guard>>;
  for (const [name, field] of Object.entries(schema.getSubscriptionType()?.getFields() ?? {})) {
    const [guard, { subscribe }] = [guards[name], field];
    if (!guard || !subscribe) throw new Error(`Subscription.${name} has no guard`);
    field.subscribe = (parent, args, context, info) =>
      guard(() => subscribe(parent, args, context, info), parent, args, context, info);
  }
  return schema;
}

/** Builds the schema without a database, which it does not need. */
export async function buildOffline(): Promise<ExecutableSchema> {
  const orm = await MikroORM.init({ ...ormOptions, dbName: 'memory://' } as never);
  try {
    return buildExecutable(orm.getMetadata());
  } finally {
    await orm.close();
  }
}

/** Records a refused operation under its name in the schema. */
const reportRefusal: OnRefusal = (context, operation, { each = false }, { code }) =>
  context.refused({ operation, code, isSingle: each });

/** Adds the descriptions that TypeGraphQL leaves out. */
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

/** Prints the schema with the types in alphabetical order, so that a diff shows only real changes. */
export const printContract = (schema: GraphQLSchema): string => `${printSchema(lexicographicSortSchema(schema))}\n`;
