import { BenevolenceReviewLevel } from '../src/entities/benevolence.ts';
import { RoleName, systemRoles } from '../src/entities/role.ts';
import { seededDomain, seededPasswords } from '../src/services/user/seeded-accounts.ts';
import type { Dossier, Kind } from './dossier.ts';
import { idOf, takenOverAt } from './id.ts';
import type { RoleRow, UserRoleRow, UserRow } from './row.ts';

/** A user of a seeded database. The passwords are public, so such a database is for development only. */
export interface SeededAccount {
  readonly username: string;
  readonly password: string;
  readonly role: RoleName;
  readonly reviewLevel: BenevolenceReviewLevel | null;
  readonly firstName: string;
  readonly lastName: string;
}

const [password, testPassword] = seededPasswords;

function account(
  username: string,
  role: RoleName,
  firstName: string,
  lastName: string,
  reviewLevel?: BenevolenceReviewLevel,
): SeededAccount {
  return { username, password, role, reviewLevel: reviewLevel ?? null, firstName, lastName };
}

/** The accounts of a seeded database: one for each role, an officer for each level of review, and a second member. */
export const seededAccounts = [
  account('admin', RoleName.ADMIN, 'Ruth', 'Calloway', BenevolenceReviewLevel.ADMIN),
  account('officer', RoleName.OFFICER, 'Dennis', 'Okafor'),
  account('staff', RoleName.STAFF, 'Marisol', 'Vega'),
  account('organizer', RoleName.ORGANIZER, 'Theo', 'Lindqvist'),
  account('instructor', RoleName.INSTRUCTOR, 'Priya', 'Raman'),
  account('member', RoleName.MEMBER, 'Carla', 'Benedetti'),
  account('vp', RoleName.OFFICER, 'Samuel', 'Whitfield', BenevolenceReviewLevel.VP),
  account('manager', RoleName.OFFICER, 'Yolanda', 'Pruitt', BenevolenceReviewLevel.MANAGER),
  account('president', RoleName.OFFICER, 'George', 'Takacs', BenevolenceReviewLevel.PRESIDENT),
  { ...account('testuser', RoleName.MEMBER, 'Jamie', 'Novak'), password: testPassword },
] as const satisfies readonly SeededAccount[];

export const emailOf = (account: SeededAccount): string => `${account.username}@${seededDomain}`;

/** Returns the seeded account with this username. */
export function accountOf(username: string): SeededAccount {
  const found = seededAccounts.find((each) => each.username === username);
  if (!found) throw new TypeError(`No seeded account has the username ${username}.`);
  return found;
}

const recordedAt = takenOverAt(0);
const recorded = { created_at: recordedAt, updated_at: recordedAt };

const ids = new Map<string, string>(seededAccounts.map(({ username }) => [username, idOf('users', username, recordedAt)]));

/** The ids of the users, in the order of their accounts. */
export const accountIds: readonly string[] = [...ids.values()];

/** Returns the id of the user with this seeded username. */
export function userId(username: string): string {
  const id = ids.get(username);
  if (id === undefined) throw new TypeError(`No seeded account has the username ${username}.`);
  return id;
}

/** Returns the name of the user with this seeded username, as it appears in other records. */
export function fullNameOf(username: string): string {
  const { firstName, lastName } = accountOf(username);
  return `${firstName} ${lastName}`;
}

/** The owner of a seeded instance without another owner. */
export const seededOwner = 'admin';

/** The user for each review level. */
export const reviewers: Readonly<Record<BenevolenceReviewLevel, string>> = {
  vp: 'vp',
  admin: 'admin',
  manager: 'manager',
  president: 'president',
};

/** The members of the first block that are linked to users, by their place in it. */
export const linkedMembers = { member: 10, testuser: 11, organizer: 34 } as const satisfies Readonly<Record<string, number>>;

/** The six system roles. */
export function roleRows(): RoleRow[] {
  return Object.values(RoleName).map((name) => ({
    id: idOf('roles', name, recordedAt),
    ...recorded,
    name,
    display_name: systemRoles[name][0],
    description: systemRoles[name][1],
    is_system_role: true,
    based_on: name,
  }));
}

/** Users, each with the role of the account. */
export const accounts: Kind = { table: 'users', parts: ['user_roles'] };

/**
 * Builds an account with a password hash. `roleIds` has the database's ids of the roles by name; `owner` is a username.
 */
export function accountDossier(
  account: SeededAccount,
  passwordHash: string,
  roleIds: ReadonlyMap<string, string>,
  owner: string | null = null,
): Dossier {
  const role = roleIds.get(account.role);
  return {
    users: [{ ...userRow(account, passwordHash), is_owner: account.username === owner }],
    user_roles: role === undefined ? [] : [userRoleRow(account, role)],
  };
}

function userRow(account: SeededAccount, passwordHash: string): UserRow {
  return {
    id: userId(account.username),
    ...recorded,
    deleted_at: null,
    username: account.username,
    email: emailOf(account),
    password_hash: passwordHash,
    first_name: account.firstName,
    last_name: account.lastName,
    is_active: true,
    is_verified: true,
    is_self_registered: false,
    is_email_claimed: false,
    is_owner: false,
    password_must_change: false,
    failed_login_attempts: 0,
    locked_until: null,
    last_login_at: null,
    member_id: null,
  };
}

function userRoleRow(account: SeededAccount, roleId: string): UserRoleRow {
  return {
    id: idOf('user_roles', account.username, recordedAt),
    ...recorded,
    user_id: userId(account.username),
    role_id: roleId,
    assigned_by_id: account.username === 'admin' ? null : userId('admin'),
    assigned_at: recordedAt,
    expires_at: null,
    review_levels: account.reviewLevel === null ? [] : [account.reviewLevel],
  };
}
