import type { GraphQLSchema } from 'graphql';
import type { IMiddlewareGenerator, IMiddlewareTypeMap } from 'graphql-middleware';
import { deny, rule, shield } from 'graphql-shield';
import type { Context } from '../context.ts';
import { forbidden, type Refusal } from '../errors.ts';
import type { Arguments, OperationRule } from './rule.ts';

type Rules = Readonly<Record<string, Readonly<Record<string, OperationRule>>>>;

/** Called for each operation that a rule refused. The rules themselves have no side effects. */
export type OnRefusal = (context: Context, operation: string, rule: OperationRule, refusal: Refusal) => void;

/**
 * Builds graphql-shield's middleware from the operation rules. It guards only the root types, because it would
 * otherwise wrap every field of every type. An operation without a rule is denied. Results are not cached.
 */
export function shieldFor(
  schema: GraphQLSchema,
  rules: Rules,
  roots: readonly string[],
  onRefusal: OnRefusal,
): IMiddlewareTypeMap {
  const published = roots.filter((root) => schema.getType(root));
  const ruleTree = Object.fromEntries(published.map((root) => [root, shieldRules(rules[root] ?? {}, onRefusal)]));
  const generator = shield(ruleTree, {
    fallbackRule: deny,
    fallbackError: forbidden(),
    allowExternalErrors: true,
  }) as unknown as IMiddlewareGenerator<unknown, Context, unknown>;
  const middleware = generator.generate(schema) as Record<string, IMiddlewareTypeMap>;
  return Object.fromEntries(published.map((root) => [root, middleware[root]])) as IMiddlewareTypeMap;
}

const shieldRules = (rules: Readonly<Record<string, OperationRule>>, onRefusal: OnRefusal) =>
  Object.fromEntries(
    Object.entries(rules).map(([operation, own]) => [
      operation,
      rule(operation, { cache: 'no_cache' })((_parent, args: Arguments, context: Context) => {
        const result = own.judge(context.viewer, args);
        if (result !== true) onRefusal(context, operation, own, result);
        return result;
      }),
    ]),
  );
