import { beforeAll, describe, expect, it } from '@jest/globals';
import {
  getNamedType,
  isEnumType,
  isInputObjectType,
  isLeafType,
  isNonNullType,
  isObjectType,
  type GraphQLArgument,
  type GraphQLInputField,
} from 'graphql';
import type { GraphQLSchema } from 'graphql';
import { operations, permissionsOf } from '../src/permissions/index.ts';
import { signedIn, withStepUp } from '../src/permissions/rule.ts';
import { Viewer } from '../src/entities/viewer.ts';
import { schemaOf } from './rights/kit.ts';
import { aLocal, type Local } from './support/local.ts';

const stepped = Object.entries(operations.Mutation)
  .filter(([, { apartFromStepUp }]) => apartFromStepUp !== undefined)
  .map(([name]) => name);
const password = 'unionhall-dev';
const required = ['STEP_UP_REQUIRED'];

let local: Local;
let schema: GraphQLSchema;

beforeAll(async () => {
  local = await aLocal();
  local.clock.stop();
  // Operations for the owner require step-up too.
  await local.sql(`update users set is_owner = true where username = 'admin'`, []);
  schema = await schemaOf(local);
  await local.sql(`update users set is_owner = true where username = 'admin'`, []);
}, 120_000);

/** Returns the shortest valid document of an operation. */
function leastOf(operation: string): string {
  const type = schema.getMutationType()?.getFields()[operation];
  if (type === undefined) throw new Error(`There is no ${operation}`);
  const given = type.args.filter(({ type: of }) => isNonNullType(of)).map((arg) => `${arg.name}: ${valueOf(arg)}`);
  const answer = getNamedType(type.type);
  const selection = isLeafType(answer) ? '' : ` { ${isObjectType(answer) ? leafOf(answer.name) : '__typename'} }`;
  return `mutation { ${operation}${given.length > 0 ? `(${given.join(', ')})` : ''}${selection} }`;
}

function valueOf({ type }: GraphQLArgument | GraphQLInputField): string {
  const named = getNamedType(type);
  if (isEnumType(named)) return named.getValues()[0]?.name ?? '';
  if (!isInputObjectType(named)) return named.name === 'Boolean' ? 'true' : named.name === 'Int' ? '1' : '"0"';
  const fields = Object.values(named.getFields()).filter(({ type: of }) => isNonNullType(of));
  return `{ ${fields.map((field) => `${field.name}: ${valueOf(field)}`).join(', ')} }`;
}

function leafOf(name: string): string {
  const type = schema.getType(name);
  const leaf = isObjectType(type) ? Object.values(type.getFields()).find((field) => isLeafType(getNamedType(field.type))) : undefined;
  return leaf?.name ?? '__typename';
}

async function signIn(who: string, accessToken: string | null = null) {
  const { data } = await local.anonymous.ask<{ login: { accessToken: string; refreshToken: string } }>(
    'mutation ($input: LoginInput!) { login(input: $input) { ... on SignedIn { accessToken refreshToken } } }',
    { input: { identifier: who, password } },
  );
  return { ...data.login, headers: { authorization: `Bearer ${accessToken ?? data.login.accessToken}` } };
}

const prove = 'mutation ($input: ReauthenticateInput!) { reauthenticate(input: $input) }';

describe('operations that require step-up', () => {
  it('include the second factor, the address, and roles', () => {
    for (const operation of [
      'beginTotp',
      'confirmTotp',
      'disableTotp',
      'regenerateBackupCodes',
      'changeEmail',
      'assignRole',
      'transferOwnership',
    ])
      expect(stepped).toContain(operation);
  });

  it.each(stepped)('%s is allowed for ten minutes after a sign-in, and again after the password', async (operation) => {
    const { headers } = await signIn('admin');
    const ask = async () => (await local.anonymous.ask(leastOf(operation), {}, headers)).codes;
    local.clock.turn(595);
    expect(await ask()).not.toEqual(required);
    local.clock.turn(6);
    expect(await ask()).toEqual(required);
    expect((await local.anonymous.ask(prove, { input: { password: 'wrong' } }, headers)).codes).toEqual(['BAD_CREDENTIALS']);
    expect(await ask()).toEqual(required);
    expect((await local.anonymous.ask(prove, { input: { password } }, headers)).data).toEqual({ reauthenticate: true });
    expect(await ask()).not.toEqual(required);
    local.clock.turn(601);
    expect(await ask()).toEqual(required);
  });

  it('is refused, and changes nothing, if the session has no refresh token to return', async () => {
    const { headers } = await signIn('admin');
    const latest = 'select id from sessions order by created_at desc, id desc limit 1';
    await local.sql(`update sessions set refresh_hash = repeat('0', 64) where id = (${latest})`);
    local.clock.turn(601);
    expect((await local.anonymous.ask(prove, { input: { password } }, headers)).codes).toEqual(['BAD_CREDENTIALS']);
    expect((await local.anonymous.ask(leastOf('beginTotp'), {}, headers)).codes).toEqual(required);
  });

  it.each(stepped)('%s is UNAUTHENTICATED for an anonymous caller, like any operation', async (operation) => {
    expect((await local.anonymous.ask(leastOf(operation))).codes).toEqual(['UNAUTHENTICATED']);
  });

  it('is not allowed again by a refresh, nor by authentication in another session', async () => {
    const [one, other] = [await signIn('staff'), await signIn('staff')];
    local.clock.turn(601);
    const refreshing = 'mutation ($token: String) { refresh(refreshToken: $token) { accessToken } }';
    const { data } = await local.anonymous.ask<{ refresh: { accessToken: string } }>(refreshing, { token: one.refreshToken });
    const refreshed = { authorization: `Bearer ${data.refresh.accessToken}` };
    expect((await local.anonymous.ask(prove, { input: { password } }, other.headers)).codes).toEqual([]);
    expect((await local.anonymous.ask('mutation { beginTotp { secret } }', {}, refreshed)).codes).toEqual(required);
    expect((await local.anonymous.ask('mutation { beginTotp { secret } }', {}, other.headers)).codes).toEqual([]);
  });

  it('do not affect other operations', async () => {
    const { headers } = await signIn('admin');
    local.clock.turn(1200);
    const { codes } = await local.anonymous.ask('{ me { id } users { nodes { id } } sessions { id } }', {}, headers);
    expect(codes).toEqual([]);
  });

  it('are listed as allowed beforehand, so that a client can then prompt for the password', async () => {
    const { headers } = await signIn('member');
    local.clock.turn(1200);
    const { data } = await local.anonymous.ask<{ permissions: { operation: string; isAllowed: boolean }[] }>(
      '{ permissions { operation isAllowed } }',
      {},
      headers,
    );
    const told = Object.fromEntries(data.permissions.map(({ operation, isAllowed }) => [operation, isAllowed]));
    expect([told['beginTotp'], told['users'], told['saltingActivities']]).toEqual([true, true, false]);
    expect(permissionsOf(Viewer.anonymous).find(({ operation }) => operation === 'beginTotp')?.isAllowed).toBe(false);
  });

  it('are refused first for what the rule itself refuses', () => {
    expect(withStepUp(signedIn).judge(Viewer.anonymous)).toMatchObject({ code: 'UNAUTHENTICATED' });
  });
});

describe('authenticating again', () => {
  it('also requires the code if there is a second factor', async () => {
    const { shownBy } = await import('./factor.kit.ts');
    const { headers } = await signIn('officer');
    const ask = (query: string, variables: object = {}) =>
      local.anonymous.ask<Record<string, Record<string, string>>>(query, variables, headers);
    const secret = (await ask('mutation { beginTotp { secret } }')).data['beginTotp']?.['secret'] ?? '';
    const confirm = 'mutation ($code: String!) { confirmTotp(code: $code) { codes } }';
    const { codes: backup } = (await ask(confirm, { code: shownBy(secret, local.clock.now()) })).data['confirmTotp'] as unknown as {
      codes: string[];
    };
    local.clock.turn(601);
    expect((await ask(prove, { input: { password } })).errors[0]?.extensions['fields']).toEqual([
      { path: 'input.code', message: 'is required: the account has a second factor' },
    ]);
    expect((await ask(prove, { input: { password, code: shownBy(secret, local.clock.now(), -2) } })).codes).toEqual(['BAD_CREDENTIALS']);
    const code = shownBy(secret, local.clock.now());
    expect((await ask(prove, { input: { password: 'wrong', code } })).codes).toEqual(['BAD_CREDENTIALS']);
    expect((await ask('mutation { regenerateBackupCodes { codes } }')).codes).toEqual(required);
    expect((await ask(prove, { input: { password, code } })).codes).toEqual([]);
    expect((await ask(prove, { input: { password, code } })).codes).toEqual(['BAD_CREDENTIALS']);
    expect((await ask(prove, { input: { password, code: backup[0] } })).codes).toEqual([]);
    expect((await ask(prove, { input: { password, code: backup[0] } })).codes).toEqual(['BAD_CREDENTIALS']);
    expect((await ask('mutation { regenerateBackupCodes { codes } }')).codes).toEqual([]);
  });

  it('is limited: five wrong passwords block it for this session only', async () => {
    const { headers } = await signIn('organizer');
    const ask = (text: string) => local.anonymous.ask(prove, { input: { password: text } }, headers);
    for (let guess = 0; guess < 5; guess++) expect((await ask('wrong')).codes).toEqual(['BAD_CREDENTIALS']);
    expect((await ask(password)).codes).toEqual(['BAD_CREDENTIALS']);
    const again = await signIn('organizer');
    expect((await local.anonymous.ask(prove, { input: { password } }, again.headers)).codes).toEqual([]);
    expect((await local.anonymous.ask('{ me { id } }', {}, headers)).codes).toEqual([]);
  });

  it('is possible for an owner with a locked account', async () => {
    const { headers } = await signIn('instructor');
    const guess = 'mutation { login(input: { identifier: "instructor", password: "wrong" }) { __typename } }';
    for (let time = 0; time < 6; time++) await local.anonymous.ask(guess);
    expect((await local.anonymous.ask(prove, { input: { password } }, headers)).codes).toEqual([]);
  });

  it.each([[''], ['x'.repeat(129)], ['a\ud800']])('refuses %j before any work', async (text) => {
    const { headers } = await signIn('staff');
    expect((await local.anonymous.ask(prove, { input: { password: text } }, headers)).codes).toEqual(['BAD_INPUT']);
  });
});

describe('the time limit', () => {
  it('is set by STEP_UP_AGE', async () => {
    const outer = local;
    local = await aLocal({ environment: { STEP_UP_AGE: '60' } });
    try {
      const { headers } = await signIn('admin');
      local.clock.turn(61);
      expect((await local.anonymous.ask('mutation { beginTotp { secret } }', {}, headers)).codes).toEqual(required);
    } finally {
      local = outer;
    }
  });
});
