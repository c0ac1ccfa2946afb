import type { Answer, Actor, Local } from './support/local.ts';

export const password = 'a quiet river at dawn';
export const seededPassword = 'unionhall-dev';

/** An id without a record. */
export const nobody = '01900000-0000-7000-8000-000000000009';

/** The user in the response of a mutation. */
export interface Told {
  id: string;
  username: string;
  email: string;
  firstName: string;
  lastName: string;
  isActive: boolean;
  isVerified: boolean;
  isOwner: boolean;
  deletedAt: string | null;
  member: { id: string } | null;
  roles: {
    role: { id: string; name: string };
    assignedBy: { fullName: string } | null;
    assignedAt: string;
    expiresAt: string | null;
    reviewLevels: string[];
  }[];
}

const told = `id username email firstName lastName isActive isVerified isOwner deletedAt member { id }
  roles { role { id name } assignedBy { fullName } assignedAt expiresAt reviewLevels }`;

/** Each mutation that returns a user, with its arguments. */
const calls = {
  createUser: ['$input: CreateUserInput!', 'input: $input'],
  updateUser: ['$id: ID!, $input: UpdateUserInput!', 'id: $id, input: $input'],
  verifyUser: ['$id: ID!', 'id: $id'],
  deactivateUser: ['$id: ID!', 'id: $id'],
  reactivateUser: ['$id: ID!', 'id: $id'],
  unlockUser: ['$id: ID!', 'id: $id'],
  deleteUser: ['$id: ID!', 'id: $id'],
  assignRole: ['$input: AssignRoleInput!', 'input: $input'],
  unassignRole: ['$userId: ID!, $roleId: ID!', 'userId: $userId, roleId: $roleId'],
  transferOwnership: ['$userId: ID!', 'userId: $userId'],
} as const;

export type Call = keyof typeof calls;
type Asker = Pick<Actor, 'ask'>;

/** Calls one of the mutations that return a user. */
export async function call(who: Asker, name: Call, variables: object): Promise<Answer<{ user: Told } | null>> {
  const [declared, passed] = calls[name];
  return who.ask<{ user: Told } | null>(`mutation (${declared}) { user: ${name}(${passed}) { ${told} } }`, variables);
}

/** Calls one that must succeed. @throws if it is refused. */
export async function done(who: Asker, name: Call, variables: object): Promise<Told> {
  const { data, errors } = await call(who, name, variables);
  if (errors.length > 0 || data === null) throw new Error(`${name} was refused: ${JSON.stringify(errors)}`);
  return data.user;
}

/** Returns the message of each invalid field: `input.email is taken`. */
export const saidOf = ({ errors }: Answer<unknown>): string[] =>
  ((errors[0]?.extensions['fields'] ?? []) as { path: string; message: string }[]).map(({ path, message }) => `${path} ${message}`);

/** A user who is signed in on one device. */
export class Guest {
  private constructor(
    private readonly local: Local,
    readonly accessToken: string,
  ) {}

  static async signIn(local: Local, identifier: string, given = seededPassword): Promise<Guest> {
    const { data, errors } = await trySignIn(local, identifier, given);
    if (errors.length > 0) throw new Error(`${identifier} could not sign in: ${JSON.stringify(errors)}`);
    return new Guest(local, data.login.accessToken);
  }

  ask<Data = Record<string, never>>(query: string, variables: object = {}): Promise<Answer<Data>> {
    return this.local.anonymous.ask<Data>(query, variables, { authorization: `Bearer ${this.accessToken}` });
  }

  /** Returns the codes of the simplest queries that need a session or a role. */
  async refusals(of = '{ users { totalCount } }'): Promise<readonly string[]> {
    return (await this.ask(of)).codes;
  }
}

export const trySignIn = (local: Local, identifier: string, given = seededPassword) =>
  local.anonymous.ask<{ login: { accessToken: string } }>(
    'mutation ($input: LoginInput!) { login(input: $input) { ... on SignedIn { accessToken } } }',
    { input: { identifier, password: given } },
  );

export const choosePassword = (local: Local, token: string, newPassword = password) =>
  local.anonymous.ask('mutation ($input: ResetPasswordInput!) { resetPassword(input: $input) }', { input: { token, newPassword } });

/** Reads the stored rows, bypassing the service. */
export class Office {
  #count = 0;

  constructor(readonly local: Local) {}

  async value<T>(sql: string, ...parameters: unknown[]): Promise<T> {
    const [row = {}] = await this.local.sql(sql, parameters);
    return Object.values(row)[0] as T;
  }

  count(rest: string, ...parameters: unknown[]): Promise<number> {
    return this.value<number>(`select count(*)::int from ${rest}`, ...parameters);
  }

  userId(username: string): Promise<string> {
    return this.value('select id from users where username = $1', username);
  }

  roleId(name: string): Promise<string> {
    return this.value('select id from roles where name = $1', name);
  }

  /** Returns the events about a record, the latest last: `user.create by admin`. */
  async events(targetId: string): Promise<string[]> {
    const rows = await this.local.sql(
      `select e.action || ' of ' || e.target_type || ' by ' || coalesce(u.username, 'nobody') || ' ' || e.outcome as told
       from audit_events e left join users u on u.id = e.actor_id where e.target_id = $1 order by e.id`,
      [targetId],
    );
    return rows.map(({ told: said }) => String(said));
  }

  /** Returns the input for a new user. */
  newcomer(changes: object = {}): { username: string; email: string; firstName: string; lastName: string; roleIds: string[] } {
    const name = `hand${++this.#count}`;
    return { username: name, email: `${name}@site.test`, firstName: 'Nora', lastName: 'Hand', roleIds: [], ...changes };
  }

  /** Creates a user with a password and these roles. */
  async settle(...roles: string[]): Promise<Told> {
    const roleIds = await Promise.all(roles.map((name) => this.roleId(name)));
    const user = await done(this.local.admin, 'createUser', { input: this.newcomer({ roleIds }) });
    await choosePassword(this.local, await this.local.mailedToken(user.email));
    return user;
  }

  /** Creates a custom role. */
  async customRole(name: string, basedOn: string): Promise<string> {
    const { createRole } = await this.local.admin.see<{ createRole: { id: string } }>(
      'mutation ($input: CreateRoleInput!) { createRole(input: $input) { id } }',
      { input: { name, displayName: name, basedOn } },
    );
    return createRole.id;
  }
}
