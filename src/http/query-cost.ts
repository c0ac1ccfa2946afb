import {
  defaultFieldResolver,
  getArgumentValues,
  getNamedType,
  getNullableType,
  getVariableValues,
  isInputObjectType,
  isLeafType,
  isListType,
  isObjectType,
  Kind,
  type DocumentNode,
  type FieldNode,
  type GraphQLField,
  type GraphQLInputField,
  type GraphQLNamedType,
  type GraphQLObjectType,
  type GraphQLResolveInfo,
  type GraphQLSchema,
  type OperationDefinitionNode,
  type SelectionSetNode,
} from 'graphql';
import { largestPage, usualPage, type Allowance } from '../entities/page.ts';
import { tooComplex } from '../errors.ts';
import { fragmentsOf, selectedFields, type Fragments } from './selection.ts';

/** The limits of one operation. */
export interface Bounds {
  /** The maximum nesting of fields. The wrappers of rows in a connection do not count. */
  readonly depth: number;
  readonly aliases: number;
  readonly rootFields: number;
  /** The maximum number of objects in the response, computed from the requested page sizes. */
  readonly cost: number;
}

/** A parsed and validated operation with the submitted variables. */
export interface OperationRequest {
  readonly document: DocumentNode;
  readonly operation: OperationDefinitionNode;
  readonly variables: Readonly<Record<string, unknown>>;
}

/** The computed size of an operation. */
interface Measure {
  depth: number;
  aliases: number;
  readonly rootFields: Set<string>;
  cost: number;
  authentications: number;
}

/**
 * The number of rows that a list without pages counts for before it is read, unless its field specifies it. Further
 * rows count when the list is read; see `countLists`.
 */
const plainList = 4;

/** Wraps each list without pages, so that rows beyond the estimate are counted when the list is read. */
export function countLists(schema: GraphQLSchema): void {
  for (const type of Object.values(schema.getTypeMap())) {
    if (!isObjectType(type) || type.name.startsWith('__')) continue;
    for (const field of Object.values(type.getFields()))
      if (isPlainList(field) && !isLeafType(getNamedType(field.type))) count(field);
  }
}

function count(field: GraphQLField<unknown, unknown>): void {
  const resolve = field.resolve ?? defaultFieldResolver;
  const counted = (list: unknown, context: unknown, info: GraphQLResolveInfo): unknown => {
    const more = Array.isArray(list) ? list.length - lengthOf(field) : 0;
    if (more > 0) (context as { allowance?: Allowance }).allowance?.spend(more * costOfOne(field, info));
    return list;
  };
  field.resolve = (source, args, context, info) => {
    const found = resolve(source, args, context, info);
    return found instanceof Promise
      ? found.then((list) => counted(list, context, info))
      : counted(found, context, info);
  };
}

/** Returns the cost of one object of a list with all its requested fields. */
function costOfOne(
  field: GraphQLField<unknown, unknown>,
  { schema, fragments, variableValues, fieldNodes }: GraphQLResolveInfo,
): number {
  const found = nothingFound();
  const walk = new Walk(schema, new Map(Object.entries(fragments)), variableValues, found);
  for (const { selectionSet } of fieldNodes) if (selectionSet) walk.below(selectionSet, getNamedType(field.type));
  return 1 + found.cost;
}

const lengthOf = ({ extensions }: GraphQLField<unknown, unknown>): number =>
  Number(extensions['complexity'] ?? plainList);

const isPlainList = ({ name, type }: GraphQLField<unknown, unknown>): boolean =>
  !wrappers.has(name) && isListType(getNullableType(type));

/** The fields that wrap the rows of a connection. */
const wrappers: ReadonlySet<string> = new Set(['edges', 'node', 'nodes']);

/** Arguments that contain secrets. A field with one of them could be used to guess the secret. */
const proofs: ReadonlySet<string> = new Set([
  'password',
  'currentPassword',
  'code',
  'token',
  'refreshToken',
  'setupToken',
  'recoveryKit',
]);

/** Input types in which `code` is the short code of a record, not a secret. */
const inputsOfRecordsWithCodes: ReadonlySet<string> = new Set([
  'CreateAgreementInput',
  'UpdateAgreementInput',
  'CreateBargainingUnitInput',
  'UpdateBargainingUnitInput',
]);

/**
 * Refuses an operation that exceeds a limit before it is executed: depth, aliases, root fields, objects, or more than
 * one field that could be used to guess a secret. Introspection does not count.
 * @returns the number of requested objects.
 * @throws TOO_COMPLEX
 */
export function demandBounds(schema: GraphQLSchema, request: OperationRequest, bounds: Bounds): number {
  const { depth, aliases, rootFields, cost, authentications } = measure(schema, request);
  const excess: readonly (readonly [isOver: boolean, message: string])[] = [
    [
      depth > bounds.depth,
      `The operation is ${depth} levels deep. The limit is ${bounds.depth}; edges, node and nodes do not count.`,
    ],
    [aliases > bounds.aliases, `The operation has ${aliases} aliases. The limit is ${bounds.aliases}.`],
    [
      rootFields.size > bounds.rootFields,
      `The operation has ${rootFields.size} root fields. The limit is ${bounds.rootFields}.`,
    ],
    [authentications > 1, 'An operation may have only one field that takes a password, a code or a token.'],
    [
      cost > bounds.cost,
      `The operation requests up to ${cost} objects. The limit is ${bounds.cost}; request smaller pages.`,
    ],
  ];
  const found = excess.find(([isOver]) => isOver);
  if (found) throw tooComplex(found[1]);
  return cost;
}

/** Caches the measure of operations whose cost does not depend on variables. Apollo keeps repeated documents. */
const measured = new WeakMap<OperationDefinitionNode, Measure>();

function measure(schema: GraphQLSchema, { document, operation, variables }: OperationRequest): Measure {
  const known = measured.get(operation);
  if (known) return known;
  const found = nothingFound();
  const root = schema.getRootType(operation.operation);
  const walk = new Walk(schema, fragmentsOf(document), withDefaults(schema, operation, variables), found);
  if (root) walk.root(root, operation.selectionSet);
  if (!walk.dependsOnVariables) measured.set(operation, found);
  return found;
}

const nothingFound = (): Measure => ({ depth: 0, aliases: 0, rootFields: new Set(), cost: 0, authentications: 0 });

/**
 * Returns the variables with their defaults. Ignores invalid ones: the execution refuses them with a better message.
 */
function withDefaults(
  schema: GraphQLSchema,
  { variableDefinitions = [] }: OperationDefinitionNode,
  sent: OperationRequest['variables'],
) {
  return getVariableValues(schema, variableDefinitions, sent, { maxErrors: 1 }).coerced ?? sent;
}

/** Walks through an operation once, and enters a fragment at each spread. */
class Walk {
  /** Whether the cost depends on the variables. */
  dependsOnVariables = false;

  constructor(
    private readonly schema: GraphQLSchema,
    private readonly fragments: Fragments,
    private readonly variables: Readonly<Record<string, unknown>>,
    private readonly found: Measure,
  ) {}

  root(type: GraphQLObjectType, selections: SelectionSetNode): void {
    for (const { node, field } of this.fields(selections, type)) {
      this.found.rootFields.add(node.alias?.value ?? node.name.value);
      if (takesProof(field)) this.found.authentications += 1;
      this.field(node, field, 1, 1);
    }
  }

  /** Counts the fields that are selected of one object. */
  below(selections: SelectionSetNode, type: GraphQLNamedType): void {
    for (const { node, field } of this.fields(selections, type)) this.field(node, field, 1, 1);
  }

  /** @param times the number of parent objects. */
  private field(node: FieldNode, field: GraphQLField<unknown, unknown>, level: number, times: number): void {
    if (node.alias) this.found.aliases += 1;
    this.found.depth = Math.max(this.found.depth, level);
    const type = getNamedType(field.type);
    if (isLeafType(type) || !node.selectionSet) return;
    const size = this.sizeOf(node, field);
    const isConnection = size !== null;
    const objects = times * (this.idsOf(node, field) ?? (!isConnection && isPlainList(field) ? lengthOf(field) : 1));
    this.found.cost += objects;
    for (const next of this.fields(node.selectionSet, type)) {
      const isWrapper = wrappers.has(next.field.name);
      this.field(
        next.node,
        next.field,
        level + (isWrapper ? 0 : 1),
        isConnection && isWrapper ? objects * size : objects,
      );
    }
  }

  /** Returns the page size of a connection. Null for any other field. */
  private sizeOf(node: FieldNode, field: GraphQLField<unknown, unknown>): number | null {
    if (!field.args.some(({ name }) => name === 'first')) return null;
    this.dependsOnVariables ||= node.arguments?.some(({ value }) => value.kind === Kind.VARIABLE) ?? false;
    const { first, last } = this.argumentsOf(node, field);
    const size = Number(first ?? last ?? usualPage);
    return Math.min(Math.max(size, 0), largestPage);
  }

  /** Returns the number of ids in a field's arguments. Null for a field without ids. */
  private idsOf(node: FieldNode, field: GraphQLField<unknown, unknown>): number | null {
    if (!field.args.some(({ name }) => name === 'ids')) return null;
    const value = node.arguments?.find(({ name }) => name.value === 'ids')?.value;
    const isVariable = value?.kind === Kind.VARIABLE;
    this.dependsOnVariables ||= isVariable;
    const ids = isVariable ? this.variables[value.name.value] : value?.kind === Kind.LIST ? value.values : null;
    return Array.isArray(ids) ? Math.min(ids.length, largestPage) : 1;
  }

  /** Ignores invalid arguments: the execution refuses them with a better message. */
  private argumentsOf(node: FieldNode, field: GraphQLField<unknown, unknown>): Readonly<Record<string, unknown>> {
    try {
      return getArgumentValues(field, node, this.variables);
    } catch {
      return { first: largestPage };
    }
  }

  /** Lists the fields of a selection, without introspection fields. */
  private *fields(
    selections: SelectionSetNode,
    parent: GraphQLNamedType,
  ): Generator<{ node: FieldNode; field: GraphQLField<unknown, unknown> }> {
    for (const { node, on } of selectedFields(this.fragments, selections)) {
      const type = on === undefined ? parent : this.schema.getType(on);
      const field = type && 'getFields' in type ? type.getFields()[node.name.value] : undefined;
      if (field && 'args' in field) yield { node, field };
    }
  }
}

function takesProof({ args }: GraphQLField<unknown, unknown>): boolean {
  return args.some(({ name, type }) => {
    const input = getNamedType(type);
    if (!isInputObjectType(input)) return proofs.has(name);
    return Object.values(input.getFields()).some((each) => proofs.has(each.name) && isSecret(input.name, each));
  });
}

/** Filters and the short codes of records are not secret. */
const isSecret = (input: string, { name, type }: GraphQLInputField): boolean =>
  isLeafType(getNamedType(type)) && !(name === 'code' && inputsOfRecordsWithCodes.has(input));
