import {
  getNamedType,
  getNullableType,
  GraphQLError,
  isCompositeType,
  isEnumType,
  isInputObjectType,
  isLeafType,
  isListType,
  isNonNullType,
  isObjectType,
  isUnionType,
  type GraphQLCompositeType,
  type GraphQLField,
  type GraphQLInputType,
  type GraphQLSchema,
} from 'graphql';

/** A document with an operation of each kind, and several sets of variables. */
export interface RandomDocument {
  readonly text: string;
  readonly variables: readonly Readonly<Record<string, unknown>>[];
}

export interface DocumentOptions {
  readonly schema: GraphQLSchema;
  /** Numbers from 0 to 1. */
  readonly roll: () => number;
  readonly kind?: 'query' | 'mutation' | 'subscription';
  /** The depth of fields. */
  readonly depth?: number;
  /** The probability of a condition, from 0 to 1. */
  readonly conditions?: number;
  /** The probability that a value is a variable, from 0 to 1. */
  readonly variables?: number;
  /** The root fields to use. By default all. */
  readonly roots?: readonly string[];
  /** Existing ids for arguments. */
  readonly ids?: readonly string[];
  /** Whether variables may have invalid values. */
  readonly mistakes?: boolean;
  /** Whether names may be `__proto__`, which the service refuses. */
  readonly prototypes?: boolean;
}

interface Variable {
  readonly name: string;
  readonly type: GraphQLInputType;
  readonly fallback: string | null;
  /** Whether it may be omitted or null. */
  readonly isNullable: boolean;
}

/** Aliases of all forms: short ones, so that fields merge, and those that could confuse a compiler. */
const aliases = ['a', 'b', 'a_b', 'b_c', 'idx0', '__a', '__proto__', 'constructor', 'toString', 'data', 'context', 'parent', 'id', 'x1'];

const plainAliases = aliases.filter((name) => name !== '__proto__');

const noIds = ['00000000-0000-4000-8000-000000000001', '7', 7 as never];

const texts = ['', 'a', 'Zoë', '"', '\\', '`${x}`', '\u2028', '__MAGIC_NAN__57f286b9_4c20_487f_b409_79804ddcb4f8', "it's", '%'];

/** Writes a random document over a schema. Most are valid; the caller must validate them. */
export function randomDocument(options: DocumentOptions): RandomDocument {
  return new Writer(options).write();
}

class Writer {
  readonly #schema: GraphQLSchema;
  readonly #roll: () => number;
  readonly #options: Required<Omit<DocumentOptions, 'roots'>> & Pick<DocumentOptions, 'roots'>;
  readonly #variables: Variable[] = [];
  readonly #fragments: { readonly name: string; readonly type: GraphQLCompositeType; body: string | null }[] = [];
  /** The arguments of a field, to select it twice in the same way. */
  readonly #calls = new Map<string, string>();

  constructor(options: DocumentOptions) {
    this.#schema = options.schema;
    this.#roll = options.roll;
    this.#options = { kind: 'query', depth: 4, conditions: 0.15, variables: 0.4, mistakes: true, prototypes: true, ids: noIds, ...options };
  }

  write(): RandomDocument {
    const { kind, depth } = this.#options;
    const root = {
      query: this.#schema.getQueryType(),
      mutation: this.#schema.getMutationType(),
      subscription: this.#schema.getSubscriptionType(),
    };
    const selection = kind === 'subscription' ? this.#one(root[kind] as never, depth) : this.#selection(root[kind] as never, depth, true);
    const others = this.#chance(0.1) ? ` query Other { ${this.#pick(['isConfigured', '__typename'])} }` : '';
    const defined = this.#variables.map(
      ({ name, type, fallback }) => `$${name}: ${String(type)}${fallback === null ? '' : ` = ${fallback}`}`,
    );
    const head = `${kind} Op${defined.length > 0 ? `(${defined.join(', ')})` : ''}`;
    const fragments = this.#fragments.map(({ name, type, body }) => `fragment ${name} on ${type.name} ${body ?? '{ __typename }'}`);
    return {
      text: `${head} ${selection}${others} ${fragments.join(' ')}`,
      variables: Array.from({ length: this.#variables.length > 0 ? 2 : 1 }, () => this.#values()),
    };
  }

  #chance = (share: number): boolean => this.#roll() < share;
  #pick = <T>(of: readonly T[]): T => of[Math.floor(this.#roll() * of.length)] as T;

  /** A subscription has one root field. */
  #one(type: GraphQLCompositeType, depth: number): string {
    const field = this.#pick(this.#fieldsOf(type, true));
    return `{ ${this.#field(field, depth, type)} }`;
  }

  #fieldsOf(type: GraphQLCompositeType, isRoot: boolean): GraphQLField<unknown, unknown>[] {
    if (!('getFields' in type)) return [];
    const { roots } = this.#options;
    return Object.values(type.getFields()).filter(({ name }) => !isRoot || !roots || roots.includes(name));
  }

  #selection(type: GraphQLCompositeType, depth: number, isRoot = false): string {
    const parts: string[] = [];
    const fields = this.#fieldsOf(type, isRoot);
    const count = 1 + Math.floor(this.#roll() * (isRoot ? 2 : 4));
    for (let n = 0; n < count; n += 1) {
      const rolled = this.#roll();
      if (rolled < 0.12) parts.push(this.#inline(type, depth, isRoot));
      else if (rolled < 0.3) parts.push(this.#spread(type, depth, isRoot));
      else if (rolled < 0.34 || fields.length === 0) parts.push(`${this.#alias()}__typename${this.#condition()}`);
      else parts.push(this.#field(this.#pick(fields), depth, type));
    }
    return `{ ${parts.filter(Boolean).join(' ') || '__typename'} }`;
  }

  #alias = (): string => (this.#chance(0.2) ? `${this.#pick(this.#options.prototypes ? aliases : plainAliases)}: ` : '');

  #inline(type: GraphQLCompositeType, depth: number, isRoot: boolean): string {
    const on = isUnionType(type) ? this.#pick(type.getTypes()) : type;
    const condition = this.#chance(0.5) || on !== type ? ` on ${on.name}` : '';
    return `...${condition}${this.#condition()} ${this.#selection(on, depth, isRoot)}`;
  }

  /** Spreads an existing fragment or writes a new one. A fragment cannot spread itself. */
  #spread(type: GraphQLCompositeType, depth: number, isRoot: boolean): string {
    const fitting = this.#fragments.filter((each) => each.type === type && each.body !== null);
    if (fitting.length > 0 && this.#chance(0.7)) return `...${this.#pick(fitting).name}${this.#condition()}`;
    if (this.#fragments.length >= 6) return '';
    const fragment = { name: `F${this.#fragments.length}`, type, body: null as string | null };
    this.#fragments.push(fragment);
    fragment.body = this.#selection(type, depth - 1, isRoot);
    return `...${fragment.name}${this.#condition()}`;
  }

  #field(field: GraphQLField<unknown, unknown>, depth: number, parent: GraphQLCompositeType): string {
    const type = getNamedType(field.type);
    const isLeaf = isLeafType(type);
    if (!isLeaf && depth <= 0) return '__typename';
    const known = `${parent.name}.${field.name}`;
    const isSame = this.#calls.has(known) && this.#chance(0.6);
    const call = isSame ? (this.#calls.get(known) as string) : this.#arguments(field);
    this.#calls.set(known, call);
    const alias = isSame || field.args.length === 0 ? this.#alias() : this.#chance(0.7) ? `v${Math.floor(this.#roll() * 1e6)}: ` : '';
    return `${alias}${field.name}${call}${this.#condition()}${isLeaf ? '' : ` ${this.#selection(type as GraphQLCompositeType, depth - 1)}`}`;
  }

  #condition(): string {
    if (!this.#chance(this.#options.conditions)) return '';
    const directive = this.#pick(['skip', 'include']);
    const type = this.#schema.getDirective(directive)?.args[0]?.type as GraphQLInputType;
    return ` @${directive}(if: ${this.#chance(0.8) ? `$${this.#variable(type, true)}` : this.#pick(['true', 'false'])})`;
  }

  #arguments({ args }: GraphQLField<unknown, unknown>): string {
    const given = args.filter(({ type, defaultValue }) => (isNonNullType(type) && defaultValue === undefined) || this.#chance(0.4));
    const texts = given.map(({ name, type, defaultValue }) => `${name}: ${this.#value(type, defaultValue !== undefined)}`);
    return texts.length > 0 ? `(${texts.join(', ')})` : '';
  }

  /** Returns a literal or a variable. */
  #value(type: GraphQLInputType, hasDefault: boolean, depth = 3): string {
    if (this.#chance(this.#options.variables)) return `$${this.#variable(type, hasDefault)}`;
    if (!isNonNullType(type) && this.#chance(0.08)) return 'null';
    const inner = getNullableType(type) as GraphQLInputType;
    if (isListType(inner)) {
      if (this.#chance(0.15)) return this.#value(inner.ofType as GraphQLInputType, false, depth);
      return `[${Array.from({ length: Math.floor(this.#roll() * 3) }, () => this.#value(inner.ofType as GraphQLInputType, false, depth - 1)).join(', ')}]`;
    }
    if (isInputObjectType(inner)) {
      const fields = Object.values(inner.getFields()).filter(
        ({ type: of, defaultValue }) => (isNonNullType(of) && defaultValue === undefined) || (depth > 0 && this.#chance(0.3)),
      );
      return `{ ${fields.map(({ name, type: of, defaultValue }) => `${name}: ${this.#value(of, defaultValue !== undefined, depth - 1)}`).join(', ')} }`;
    }
    if (isEnumType(inner)) return this.#pick(inner.getValues()).name;
    return JSON.stringify(this.#scalar(inner.name));
  }

  /** Returns the name of a variable that fits a type. */
  #variable(wanted: GraphQLInputType, hasDefault: boolean): string {
    const known = this.#variables.find(({ type }) => String(type) === String(wanted));
    if (known && this.#chance(0.5)) return known.name;
    const nullable = getNullableType(wanted) as GraphQLInputType;
    const mayBeNull = !isNonNullType(wanted);
    const form = this.#roll();
    // a nullable variable fits a non-null position if either has a default
    const isNullable = mayBeNull ? form < 0.8 : hasDefault ? form < 0.5 : form < 0.25;
    const needsFallback = isNullable && !mayBeNull && !hasDefault;
    const type = isNullable ? nullable : (this.#schema.getType(String(nullable)) ?? nullable, wanted);
    const fallback = needsFallback || (isNullable && this.#chance(0.4)) ? this.#literal(nullable) : null;
    const name = this.#options.prototypes && this.#chance(0.02) ? `__proto__` : `v${this.#variables.length}`;
    if (this.#variables.some((each) => each.name === name)) return this.#variable(wanted, hasDefault);
    this.#variables.push({ name, type, fallback, isNullable: !isNonNullType(type) });
    return name;
  }

  #literal(type: GraphQLInputType): string {
    const { variables } = this.#options;
    Object.assign(this.#options, { variables: 0 });
    const text = this.#value(type, false, 2);
    Object.assign(this.#options, { variables });
    return text;
  }

  /** Returns one of the sets of variables, in which optional ones are sometimes omitted or null. */
  #values(): Record<string, unknown> {
    const entries = this.#variables.flatMap(({ name, type, isNullable, fallback }) => {
      const rolled = this.#roll();
      if ((isNullable || fallback !== null) && rolled < 0.3) return [];
      if (isNullable && rolled < 0.4) return [[name, null] as const];
      if (this.#options.mistakes && rolled > 0.985) return [[name, this.#pick<unknown>([null, {}, [], 'x', 1.5, true, [[1]]])] as const];
      return [[name, this.#json(type, 3)] as const];
    });
    if (this.#chance(0.05)) entries.push(['unknown', 1]);
    return JSON.parse(`{${entries.map(([name, value]) => `${JSON.stringify(name)}:${JSON.stringify(value)}`).join(',')}}`) as Record<
      string,
      unknown
    >;
  }

  #json(type: GraphQLInputType, depth: number): unknown {
    if (!isNonNullType(type) && this.#chance(0.08)) return null;
    const inner = getNullableType(type) as GraphQLInputType;
    if (isListType(inner)) {
      if (this.#chance(0.15)) return this.#json(inner.ofType as GraphQLInputType, depth);
      return Array.from({ length: Math.floor(this.#roll() * 3) }, () => this.#json(inner.ofType as GraphQLInputType, depth - 1));
    }
    if (isInputObjectType(inner)) {
      const fields = Object.values(inner.getFields()).filter(
        ({ type: of, defaultValue }) => (isNonNullType(of) && defaultValue === undefined) || (depth > 0 && this.#chance(0.4)),
      );
      return Object.fromEntries(fields.map(({ name, type: of }) => [name, this.#json(of, depth - 1)]));
    }
    if (isEnumType(inner)) return this.#pick(inner.getValues()).name;
    return this.#scalar(inner.name);
  }

  #scalar(name: string): unknown {
    switch (name) {
      case 'Int':
        return this.#pick([1, 2, 3, 5, 10, 25]);
      case 'Float':
        return this.#pick([0, 1, 1.5, -2]);
      case 'Boolean':
        return this.#chance(0.5);
      case 'Date':
        return this.#pick(['2026-01-15', '2025-12-31', '2024-02-29']);
      case 'DateTime':
        return this.#pick(['2026-01-15T10:00:00Z', '2025-12-31T23:59:59.5+02:00']);
      case 'Decimal':
        return this.#pick(['1.5', '100', '12.34']);
      case 'ID':
        return this.#pick<unknown>(this.#options.ids);
      default:
        return this.#pick(texts);
    }
  }
}

/** The probability that a stub returns an error, from 0 to 1. */
export interface StubContext {
  readonly seed: number;
  readonly faults: number;
}

/**
 * Replaces every resolver by a stub with random results, which are the same for the same place, arguments and seed:
 * immediate or delayed, a value, null, or an error. Fields without a resolver still read properties.
 */
export function stubResolvers(schema: GraphQLSchema): GraphQLSchema {
  for (const type of Object.values(schema.getTypeMap())) {
    if (isUnionType(type)) type.resolveType = (value) => (value as { $type: string }).$type;
    if (!isObjectType(type) || type.name.startsWith('__')) continue;
    type.isTypeOf = undefined;
    for (const field of Object.values(type.getFields())) {
      if (field.resolve)
        field.resolve = (parent, args, { seed, faults }: StubContext, info) => {
          const given = Object.keys(args as object)
            .sort()
            .map((name) => [name, args[name] === undefined ? 'undefined' : args[name]]);
          const key = hash(
            `${seed} ${(parent as Stub | undefined)?.$seed ?? ''} ${info.path.key} ${info.fieldName} ${JSON.stringify(given)}`,
          );
          const value = () => valueOf(field.type, key, faults);
          const rolled = (key % 997) / 997;
          const isLate = rolled < 0.4;
          if (rolled > 1 - faults) {
            const fault =
              rolled > 1 - faults / 2 ? new Error(`fault ${key}`) : new GraphQLError(`fault ${key}`, { extensions: { code: 'X' } });
            if (isLate || key % 2 === 0) return Promise.reject(fault);
            throw fault;
          }
          return isLate ? later(value, key % 3) : value();
        };
    }
  }
  return schema;
}

async function later<T>(value: () => T, turns: number): Promise<T> {
  for (let n = 0; n < turns; n += 1) await Promise.resolve();
  return value();
}

interface Stub {
  readonly $seed: number;
}

const kinds = new Map<string, new (seed: number, faults: number) => Stub>();

/** Returns an object of a type, with the fields that have no resolver. */
function stubOf(type: GraphQLCompositeType, seed: number, faults: number): Stub {
  const of = isUnionType(type) ? type.getTypes()[seed % type.getTypes().length] : type;
  if (!isObjectType(of)) throw new Error(`${type.name} is no object type`);
  const known = kinds.get(of.name);
  if (known) return new known(seed, faults);
  class Made implements Stub {
    readonly $type = of?.name;
    constructor(
      readonly $seed: number,
      readonly $faults: number,
    ) {}
  }
  for (const { name, type: fieldType } of Object.values(of.getFields()))
    Object.defineProperty(Made.prototype, name, {
      get(this: Made) {
        return valueOf(fieldType, hash(`${this.$seed} ${name}`), this.$faults);
      },
    });
  kinds.set(of.name, Made);
  return new Made(seed, faults);
}

function valueOf(type: GraphQLField<unknown, unknown>['type'], seed: number, faults: number): unknown {
  const rolled = (seed % 1009) / 1009;
  if (rolled < faults)
    return rolled < faults / 3 ? null : rolled < faults / 2 ? new Error(`wrong ${seed}`) : rolled < faults / 1.5 ? {} : undefined;
  if (!isNonNullType(type) && rolled < 0.15) return rolled < 0.1 ? null : undefined;
  const inner = getNullableType(type);
  if (isListType(inner))
    return Array.from({ length: seed % 3 }, (_, n) => valueOf(inner.ofType as typeof type, hash(`${seed} ${n}`), faults));
  if (isCompositeType(inner)) return stubOf(inner, seed, faults);
  if (isEnumType(inner)) return inner.getValues()[seed % inner.getValues().length]?.value;
  switch (getNamedType(inner).name) {
    case 'Int':
      return seed % 1000;
    case 'Float':
      return (seed % 1000) / 8;
    case 'Boolean':
      return seed % 2 === 0;
    case 'DateTime':
      return new Date((seed % 2_000_000_000) * 1000);
    case 'Date':
      return '2026-01-15';
    default:
      return `${seed}${texts[seed % texts.length]}`;
  }
}

/** FNV-1a. */
function hash(text: string): number {
  let state = 0x811c9dc5;
  for (let at = 0; at < text.length; at += 1) state = Math.imul(state ^ text.charCodeAt(at), 0x01000193);
  return state >>> 0;
}
