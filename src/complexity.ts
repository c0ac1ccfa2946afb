import {
  getArgumentValues,
  getNamedType,
  getNullableType,
  getVariableValues,
  isInputObjectType,
  isLeafType,
  isListType,
  Kind,
  type DocumentNode,
  type FieldNode,
  type FragmentDefinitionNode,
  type GraphQLField,
  type GraphQLNamedType,
  type GraphQLObjectType,
  type GraphQLSchema,
  type OperationDefinitionNode,
  type SelectionSetNode,
} from 'graphql';
import { largestPage, usualPage } from './entities/page.ts';
import { tooComplex } from './errors.ts';

/** The most that one operation may ask for. */
export interface Bounds {
  /** Fields inside fields; what wraps the rows of a page does not count. */
  readonly depth: number;
  readonly aliases: number;
  readonly rootFields: number;
  /** Objects in the answer, counted by the sizes of the pages asked for. */
  readonly cost: number;
}

/** An operation as it was parsed and validated, with the variables as they were sent. */
export interface Asked {
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

/** How many rows a list without pages counts as, unless its field says how many: those that have more than a few do. */
const plainList = 4;

/** What wraps the rows of a page. */
const wrappers: ReadonlySet<string> = new Set(['edges', 'node', 'nodes']);

/** What only who proves to be somebody has: a field that takes one of these can be used to guess it. */
const proofs: ReadonlySet<string> = new Set(['password', 'currentPassword', 'code', 'token', 'refreshToken', 'setupToken', 'recoveryKit']);

/**
 * Refuses an operation that asks for more than one may, before anything is done for it: by depth, aliases, root fields,
 * objects, and with more than one field that somebody could guess a secret with. What asks about the schema is free.
 * @throws TOO_COMPLEX
 */
export function demandBounds(schema: GraphQLSchema, asked: Asked, bounds: Bounds): void {
  const { depth, aliases, rootFields, cost, authentications } = measure(schema, asked);
  const excess: readonly (readonly [isOver: boolean, message: string])[] = [
    [depth > bounds.depth, `The operation is ${depth} levels deep: ${bounds.depth} are allowed, not counting edges, node and nodes.`],
    [aliases > bounds.aliases, `The operation has ${aliases} aliases: ${bounds.aliases} are allowed.`],
    [rootFields.size > bounds.rootFields, `The operation has ${rootFields.size} root fields: ${bounds.rootFields} are allowed.`],
    [authentications > 1, 'An operation may prove only once who is asking.'],
    [cost > bounds.cost, `The operation asks for up to ${cost} objects: ${bounds.cost} are allowed. Ask for smaller pages.`],
  ];
  const found = excess.find(([isOver]) => isOver);
  if (found) throw tooComplex(found[1]);
}

/** How many fields an operation asks for at its root. */
export const rootFieldsOf = (schema: GraphQLSchema, asked: Asked): number => measure(schema, asked).rootFields.size;

/** Of operations that come again and again, which Apollo keeps, and that ask for as much whatever their variables are. */
const measured = new WeakMap<OperationDefinitionNode, Measure>();

function measure(schema: GraphQLSchema, asked: Asked): Measure {
  const { operation } = asked;
  const known = measured.get(operation);
  if (known) return known;
  const found: Measure = { depth: 0, aliases: 0, rootFields: new Set(), cost: 0, authentications: 0 };
  const root = schema.getRootType(operation.operation);
  const walk = new Walk(schema, asked, found);
  if (root) walk.root(root, operation.selectionSet);
  if (!walk.dependsOnVariables) measured.set(operation, found);
  return found;
}

/** Goes through an operation once, fragments where they are spread. */
class Walk {
  private readonly fragments: ReadonlyMap<string, FragmentDefinitionNode>;
  /** As they count, with their defaults; none where one is wrong, which is refused before anything is done. */
  private readonly variables: Readonly<Record<string, unknown>>;
  /** Whether other variables would come to more, or to less. */
  dependsOnVariables = false;

  constructor(
    private readonly schema: GraphQLSchema,
    { document: { definitions }, operation, variables }: Asked,
    private readonly found: Measure,
  ) {
    this.variables = getVariableValues(schema, operation.variableDefinitions ?? [], variables).coerced ?? {};
    this.fragments = new Map(definitions.flatMap((each) => (each.kind === Kind.FRAGMENT_DEFINITION ? [[each.name.value, each]] : [])));
  }

  root(type: GraphQLObjectType, selections: SelectionSetNode): void {
    for (const { node, field } of this.fields(selections, type)) {
      this.found.rootFields.add(node.alias?.value ?? node.name.value);
      if (takesProof(field)) this.found.authentications += 1;
      this.field(node, field, 1, 1);
    }
  }

  /** @param times how many objects of the parent there are. */
  private field(node: FieldNode, field: GraphQLField<unknown, unknown>, level: number, times: number): void {
    if (node.alias) this.found.aliases += 1;
    this.found.depth = Math.max(this.found.depth, level);
    const type = getNamedType(field.type);
    if (isLeafType(type) || !node.selectionSet) return;
    const size = this.sizeOf(node, field);
    const isConnection = size !== null;
    const isPlainList = !isConnection && !wrappers.has(field.name) && isListType(getNullableType(field.type));
    const objects = times * (isPlainList ? Number(field.extensions['complexity'] ?? plainList) : 1);
    this.found.cost += field.name === 'edges' ? 0 : objects;
    for (const next of this.fields(node.selectionSet, type)) {
      const isWrapper = wrappers.has(next.field.name);
      this.field(next.node, next.field, level + (isWrapper ? 0 : 1), isConnection && isWrapper ? objects * size : objects);
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

  /** Arguments that are wrong are refused with a better word later. */
  private argumentsOf(node: FieldNode, field: GraphQLField<unknown, unknown>): Readonly<Record<string, unknown>> {
    try {
      return getArgumentValues(field, node, this.variables);
    } catch {
      return { first: largestPage };
    }
  }

  /** The fields of a selection, but for those that ask about the schema. */
  private *fields({ selections }: SelectionSetNode, parent: GraphQLNamedType | undefined): Generator<FieldOf> {
    for (const selection of selections) {
      if (selection.kind === Kind.FIELD) {
        const field = parent && 'getFields' in parent ? parent.getFields()[selection.name.value] : undefined;
        if (field && 'args' in field) yield { node: selection, field };
        continue;
      }
      const { typeCondition, selectionSet } =
        selection.kind === Kind.INLINE_FRAGMENT ? selection : (this.fragments.get(selection.name.value) as FragmentDefinitionNode);
      yield* this.fields(selectionSet, typeCondition ? this.schema.getType(typeCondition.name.value) : parent);
    }
  }
}

interface FieldOf {
  readonly node: FieldNode;
  readonly field: GraphQLField<unknown, unknown>;
}

function takesProof({ args }: GraphQLField<unknown, unknown>): boolean {
  return args.some(({ name, type }) => {
    const input = getNamedType(type);
    return proofs.has(name) || (isInputObjectType(input) && Object.keys(input.getFields()).some((each) => proofs.has(each)));
  });
}
