import type { GraphQLFieldResolver, GraphQLSchema } from 'graphql';
import { isObjectType } from 'graphql';
import { cleaned } from '../entities/text.ts';

/** Arguments and input fields that are never cleaned: they are compared with a secret, so every character counts. */
export const secretInputs: ReadonlySet<string> = new Set([
  'challenge',
  'code',
  'currentPassword',
  'deviceToken',
  'newPassword',
  'password',
  'recoveryKit',
  'refreshToken',
  'setupToken',
  'token',
  'value',
]);

type Resolve = GraphQLFieldResolver<unknown, unknown>;

/** Wraps every field with arguments so that it gets its text {@link cleaned}, from literals and variables alike. */
export function cleanArguments(schema: GraphQLSchema): void {
  for (const type of Object.values(schema.getTypeMap())) {
    if (!isObjectType(type) || type.name.startsWith('__')) continue;
    for (const field of Object.values(type.getFields())) {
      if (field.args.length === 0) continue;
      if (field.resolve) field.resolve = withCleanArguments(field.resolve);
      if (field.subscribe) field.subscribe = withCleanArguments(field.subscribe);
    }
  }
}

const withCleanArguments =
  (resolve: Resolve): Resolve =>
  (parent, args, context, info) =>
    resolve(parent, cleanedWithin(args) as typeof args, context, info);

function cleanedWithin(given: unknown): unknown {
  if (typeof given === 'string') return cleaned(given);
  if (Array.isArray(given)) return given.map(cleanedWithin);
  if (!isPlainObject(given)) return given;
  return Object.fromEntries(
    Object.entries(given).map(([name, each]) => [name, secretInputs.has(name) ? each : cleanedWithin(each)]),
  );
}

/** True for an input object. False for a value that a scalar created. */
function isPlainObject(value: unknown): value is object {
  if (typeof value !== 'object' || value === null) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === null || prototype === Object.prototype;
}
