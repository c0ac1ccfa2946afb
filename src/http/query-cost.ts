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
  /** Fields inside fields; what wraps the rows of a page does not count. */
  readonly depth: number;
  readonly aliases: number;
  readonly rootFields: number;
  /** Objects in the answer, counted by the sizes of the pages asked for. */
  readonly cost: number;
}

/** An operation as it was parsed and validated, with the variables as they were sent. */
export interface OperationRequest {
  readonly document: DocumentNode;
  readonly operation: OperationDefinitionNode;
  readonly variables: Readonly<Record<string, unknown>>;
}

/** What an operation comes to. */
interface Measure {
  depth: number;
  aliases: number;
  readonly rootFields: Set<string>;
  cost: number;
  authentications: number;
}

/**
 * How many rows a list without pages counts as before it is read, unless its field says how many. What it has beyond that
 * counts when it is read; see `countLists`.
 */
const plainList = 4;

/** Has each list without pages counted when it is read, where it is longer than it counted as before. */
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

/** What one object of a list counts as, with all that is asked of it. */
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

/** What wraps the rows of a page. */
const wrappers: ReadonlySet<string> = new Set(['edges', 'node', 'nodes']);

/** Arguments with secrets: a field that takes one of these can be used to guess it. */
const proofs: ReadonlySet<string> = new Set([
  'password',
  'currentPassword',
  'code',
  'token',
  'refreshToken',
  'setupToken',
  'recoveryKit',
]);

/** Inputs in which `code` is the short code of a record. */
const inputsOfRecordsWithCodes: ReadonlySet<string> = new Set([
  'CreateAgreementInput',
  'UpdateAgreementInput',
  'CreateBargainingUnitInput',
  'UpdateBargainingUnitInput',
]);

/**
 * Refuses an operation that exceeds a limit before it is executed: depth, aliases, root fields, objects, or more than one
 * field that could be used to guess a secret. Introspection does not count.
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

/** Of operations that come again and again, which Apollo keeps, and that ask for as much whatever their variables are. */
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

/** The variables with their defaults. Those that are wrong are refused with a better word later. */
function withDefaults(
  schema: GraphQLSchema,
  { variableDefinitions = [] }: OperationDefinitionNode,
  sent: OperationRequest['variables'],
) {
  return getVariableValues(schema, variableDefinitions, sent, { maxErrors: 1 }).coerced ?? sent;
}

/** Goes through an operation once, fragments where they are spread. */
class Walk {
  /** Whether other variables would come to more, or to less. */
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

  /** Counts what is asked of one object. */
  below(selections: SelectionSetNode, type: GraphQLNamedType): void {
    for (const { node, field } of this.fields(selections, type)) this.field(node, field, 1, 1);
  }

  /** @param times how many objects of the parent there are. */
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

  /** How many rows the page of a connection has; null for what is none. */
  private sizeOf(node: FieldNode, field: GraphQLField<unknown, unknown>): number | null {
    if (!field.args.some(({ name }) => name === 'first')) return null;
    this.dependsOnVariables ||= node.arguments?.some(({ value }) => value.kind === Kind.VARIABLE) ?? false;
    const { first, last } = this.argumentsOf(node, field);
    const size = Number(first ?? last ?? usualPage);
    return Math.min(Math.max(size, 0), largestPage);
  }

  /** How many records are asked for by their ids; null for a field that takes none. */
  private idsOf(node: FieldNode, field: GraphQLField<unknown, unknown>): number | null {
    if (!field.args.some(({ name }) => name === 'ids')) return null;
    const value = node.arguments?.find(({ name }) => name.value === 'ids')?.value;
    const isVariable = value?.kind === Kind.VARIABLE;
    this.dependsOnVariables ||= isVariable;
    const ids = isVariable ? this.variables[value.name.value] : value?.kind === Kind.LIST ? value.values : null;
    return Array.isArray(ids) ? Math.min(ids.length, largestPage) : 1;
  }

  /** Arguments that are wrong are refused with a better word later. */
  private argumentsOf(node: FieldNode, field: GraphQLField<unknown, unknown>): Readonly<Record<string, unknown>> {
    try {
      return getArgumentValues(field, node, this.variables);
    } catch {
      return { first: largestPage };
    }
  }

  /** The fields of a selection, but for those that ask about the schema. */
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
