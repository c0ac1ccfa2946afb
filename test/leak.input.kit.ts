import {
  getNamedType,
  getNullableType,
  isEnumType,
  isInputObjectType,
  isLeafType,
  isListType,
  isNonNullType,
  type GraphQLField,
  type GraphQLInputType,
  type GraphQLSchema,
} from 'graphql';

// Generates requests with a marker in every position of every input of every operation, with all kinds of errors around
// it.

const marker = 'Zq7Marker';
const markedNumber = 739_184_625;
export const showsMarker = (text: string): boolean => text.includes(marker) || text.includes(String(markedNumber));

/** A value as a literal and as a variable. */
interface Written {
  readonly literal: string;
  readonly json: unknown;
}

/** One position of one operation for the marker. `at` names it in failures; the rest is what surrounds it. */
interface Position {
  readonly at: string;
  readonly field: GraphQLField<unknown, unknown>;
  readonly args: Record<string, Written>;
  /** The input object of the position, if it has one. */
  readonly object: Record<string, Written> | null;
  readonly place: Record<string, Written>;
  readonly key: string;
  /** The innermost input type and its field. */
  readonly leaf: string;
}

const text = (value: string): Written => ({ literal: JSON.stringify(value), json: value });

/** Returns the marker as a valid or invalid value of a type. */
const marked = (type: GraphQLInputType): Written =>
  ['Int', 'Float'].includes(String(getNamedType(type))) ? { literal: String(markedNumber), json: markedNumber } : text(marker);

const objectOf = (fields: Record<string, Written>): Written => ({
  get literal() {
    return `{ ${Object.entries(fields)
      .map(([name, { literal }]) => `${name.replace(/\d+$/, '')}: ${literal}`)
      .join(', ')} }`;
  },
  get json() {
    return Object.fromEntries(Object.entries(fields).map(([name, { json }]) => [name, json]));
  },
});

/** Returns a valid value of a type. */
function valid(type: GraphQLInputType): Written {
  const nullable = getNullableType(type);
  if (isListType(nullable)) return listOf(valid(nullable.ofType));
  if (isEnumType(nullable)) return { ...text(nullable.getValues()[0]?.name ?? ''), literal: nullable.getValues()[0]?.name ?? '' };
  if (isInputObjectType(nullable)) return objectOf(required(nullable.getFields()));
  const values: Record<string, Written> = {
    Int: { literal: '1', json: 1 },
    Boolean: { literal: 'false', json: false },
    Date: text('2026-01-02'),
    DateTime: text('2099-01-02T00:00:00Z'),
    Decimal: text('1.00'),
    ID: text('01900000-0000-7000-8000-00000000dead'),
  };
  return values[String(nullable)] ?? text('127.0.0.1');
}

const listOf = (item: Written): Written => ({ literal: `[${item.literal}]`, json: [item.json] });

const required = (fields: Readonly<Record<string, { name: string; type: GraphQLInputType; defaultValue?: unknown }>>) =>
  Object.fromEntries(
    Object.values(fields)
      .filter(({ type, defaultValue }) => isNonNullType(type) && defaultValue === undefined)
      .map(({ name, type }) => [name, valid(type)]),
  );

function* positionsOf(root: string, field: GraphQLField<unknown, unknown>): Generator<Position> {
  const named = Object.fromEntries(field.args.map((arg) => [arg.name, arg]));
  for (const arg of field.args) {
    const start = (): Pick<Position, 'field' | 'args'> => ({ field, args: required(named) });
    const at = `${root}.${field.name}(${arg.name})`;
    yield* within(arg.type, at, (value) => {
      const { args } = start();
      args[arg.name] = value;
      return { field, args, object: null, place: args, key: arg.name, leaf: at };
    });
  }
}

/** @param put builds the operation around the value of this type. */
function* within(type: GraphQLInputType, at: string, put: (value: Written) => Omit<Position, 'at'>): Generator<Position> {
  const nullable = getNullableType(type);
  if (isListType(nullable)) {
    yield* within(nullable.ofType, `${at}[]`, (value) => put(listOf(value)));
  } else if (isInputObjectType(nullable)) {
    for (const field of Object.values(nullable.getFields())) {
      const id = `${nullable.name}.${field.name}`;
      yield* within(field.type, `${at}.${field.name}`, (value) => {
        const object = { ...required(nullable.getFields()), [field.name]: value };
        const around = put(objectOf(object));
        return around.object === null ? { ...around, object, place: object, key: field.name, leaf: id } : around;
      });
    }
  } else yield { at, ...put(marked(nullable)) };
}

/** A request. */
export interface Asked {
  readonly query: string;
  readonly variables?: unknown;
  readonly operationName?: unknown;
}

const written = (args: Record<string, Written>, selection: string, name: string): string => {
  const list = Object.entries(args).map(([key, { literal }]) => `${key.replace(/\d+$/, '')}: ${literal}`);
  return `${name}${list.length > 0 ? `(${list.join(', ')})` : ''} ${selection}`;
};

/** Yields the requests with the marker in one position, as a literal and as a variable. */
function* askedAt(root: string, make: () => Position): Generator<readonly [what: string, asked: Asked]> {
  const { field } = make();
  const type = root.toLowerCase();
  const selection = isLeafType(getNamedType(field.type)) ? '' : '{ __typename }';
  const document = ({ args }: Position, more = ''): string => `${type} { ${written(args, selection, field.name)} ${more} }`;
  yield ['as it is', { query: document(make()) }];
  for (const [name, change] of Object.entries(changes)) {
    const position = make();
    change(position);
    yield [name, { query: document(position) }];
    yield [`${name}, in variables`, inVariables(type, position, selection)];
  }
  yield* nullBeside(type, make(), selection);
  yield ['a parse error after it', { query: `${document(make())} )` }];
  yield ['a text that does not end', { query: document(make()).replace(`"${marker}"`, `"${marker}`) }];
  yield ['a name instead of a text', { query: document(make()).replace(`"${marker}"`, marker) }];
  yield ['a block text', { query: document(make()).replace(`"${marker}"`, `"""${marker}\n"""`) }];
  yield ['an unknown field in the answer', { query: document(make(), 'nope') }];
  yield ['too many tokens', { query: document(make(), 'a '.repeat(2_001)) }];
  yield ['an unknown fragment', { query: document(make(), '...f') }];
  yield ['asked twice', { query: document(make(), written(make().args, '{ x: __typename }', field.name)) }];
  yield ['in variables', inVariables(type, make(), selection)];
  yield ['in variables, of another type', { ...inVariables(type, make(), selection), query: `${type} ($v: Int) { ${field.name} }` }];
  yield ['as a default', { query: `${type} ($v: Int = ${make().place[make().key]?.literal ?? ''}) { ${field.name} }` }];
  yield ['variables that are a text', { query: document(make()), variables: marker }];
  yield ['an operation that there is not', { query: `${document(make())} `, operationName: 'nope' }];
}

/** The errors beside or in the marker. */
const changes: Readonly<Record<string, (position: Position) => void>> = {
  'in an object': ({ place, key }) => void (place[key] = objectOf({ x: place[key] as Written })),
  'in a list of lists': ({ place, key }) => void (place[key] = listOf(listOf(place[key] as Written))),
  'an unknown field beside it': ({ place }) => void (place['nope'] = text('x')),
  'under an unknown field': ({ place, key }) => {
    place['nope'] = place[key] as Written;
  },
  'a wrong type beside it': ({ place, key }) => {
    for (const each of Object.keys(place)) if (each !== key) place[each] = listOf(objectOf({ x: text('x') }));
  },
  'null beside it': ({ place, key }) => {
    for (const each of Object.keys(place)) if (each !== key) place[each] = { literal: 'null', json: null };
  },
  'nothing beside it': ({ place, key }) => {
    for (const each of Object.keys(place)) if (each !== key) delete place[each];
  },
  // a number at the end of a name is omitted in the literal
  'the same once more': ({ place, key }) => void (place[`${key}2`] = place[key] as Written),
};

function inVariables(type: string, { field, args }: Position, selection: string): Asked {
  const known = field.args.filter(({ name }) => name in args);
  const declared = known.map((arg) => `$${arg.name}: ${String(arg.type)}`).join(', ');
  const passed = known.map(({ name }) => `${name}: $${name}`).join(', ');
  return {
    query: `${type} (${declared}) { ${field.name}(${passed}) ${selection} }`,
    variables: Object.fromEntries(Object.entries(args).map(([name, { json }]) => [name, json])),
  };
}

/** Replaces each default beside the marker by null. */
function* nullBeside(type: string, { field, args, object }: Position, selection: string): Generator<readonly [string, Asked]> {
  const defaults = (of: Iterable<{ name: string; type: GraphQLInputType; defaultValue?: unknown }>) =>
    [...of].filter((each) => isNonNullType(each.type) && each.defaultValue !== undefined);
  const input = field.args.map((arg) => getNullableType(arg.type)).find((each) => isInputObjectType(each));
  const places: readonly (readonly [Record<string, Written>, string, GraphQLInputType])[] = [
    ...defaults(field.args).map((arg) => [args, arg.name, arg.type] as const),
    ...(object && isInputObjectType(input)
      ? defaults(Object.values(input.getFields())).map((each) => [object, each.name, each.type] as const)
      : []),
  ];
  for (const [place, name, kind] of places) {
    const before = place[name];
    if (before && showsMarker(before.literal)) continue;
    place[name] = { literal: '$n', json: null };
    const query = `${type} ($n: ${String(getNullableType(kind))}) { ${written(args, selection, field.name)} }`;
    yield [`a null for the default of ${name}`, { query, variables: { n: null } }];
    if (before) place[name] = before;
    else delete place[name];
  }
}

/** Yields every request. */
export function* everything(schema: GraphQLSchema): Generator<readonly [what: string, asked: Asked]> {
  const taken = new Set<string>();
  for (const root of [schema.getQueryType(), schema.getMutationType(), schema.getSubscriptionType()])
    for (const field of Object.values(root?.getFields() ?? {})) {
      for (const [index, { at, leaf }] of [...positionsOf(String(root), field)].entries()) {
        // all lists share the filter types, so each of their fields is used once
        if (leaf.includes('Filter.') && taken.has(leaf)) continue;
        taken.add(leaf);
        const make = (): Position => [...positionsOf(String(root), field)][index] as Position;
        for (const [what, asked] of askedAt(String(root), make)) yield [`${at}: ${what}`, asked];
      }
    }
}
