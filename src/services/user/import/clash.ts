import { RoleName } from '../../../entities/role.ts';
import { holdsEmail } from '../../../entities/user.ts';
import type { BadLine } from '../../record/import.ts';
import type { EntityScope } from '../../scope.ts';

/**
 * Compares the staged lines with one another and with existing users, in the caller's transaction. A line whose
 * username and address belong to one user, and which matches that user, is already there. Every other match is a
 * problem.
 * @returns the number of lines with problems, including those found while staging.
 */
export async function findClashes({ em }: EntityScope): Promise<number> {
  await em.execute(findOthers);
  for (const problems of [twice('username'), twice('email'), twice('member_number'), unknownRoles, ...meetings])
    await em.execute(`insert into import_problems ${problems}`);
  const [row] = await em.execute<{ count: number }[]>(
    'select cast(count(distinct line) as int) as count from import_problems',
  );
  return row?.count ?? 0;
}

/** Yields the lines with problems in order. */
export async function* badLines({ em }: EntityScope): AsyncGenerator<BadLine> {
  let last = 0;
  for (;;) {
    const lines = await em.execute<BadLine[]>(
      `select line, string_agg(trim(path || ' ' || message), '; ' order by path, message) as problems
       from import_problems where line > ? group by line order by line limit 500`,
      [last],
    );
    if (lines.length === 0) return;
    yield* lines;
    last = lines.at(-1)?.line ?? last;
  }
}

/** Removes the lines that are already there, if no line has a problem. @returns the number of removed lines. */
export async function passOver({ em }: EntityScope): Promise<number> {
  const [row] = await em.execute<{ count: number }[]>(
    `with known as (delete from import_lines where by_username is not null returning 1)
     select cast(count(*) as int) as count from known`,
  );
  return row?.count ?? 0;
}

/** An unverified address belongs to no account yet, as in the index. */
const findOthers = `update import_lines l set
  by_username = (select u.id from users u where lower(u.username) = lower(l.username)),
  by_email = (select u.id from users u where lower(u.email) = lower(l.email) and ${holdsEmail('u')}),
  by_member = (select u.id from users u join members m on m.id = u.member_id where lower(m.member_number) = lower(l.member_number) and u.deleted_at is null),
  member_id = (select m.id from members m where lower(m.member_number) = lower(l.member_number) and m.deleted_at is null)`;

const paths = { username: 'username', email: 'email', member_number: 'memberNumber' } as const;

const twice = (column: keyof typeof paths): string =>
  `select line, '${paths[column]}', 'is the same as in line ' || first
   from (select line, first_value(line) over (partition by lower(${column}) order by line) as first
         from import_lines where ${column} is not null) each
   where line > first`;

/** Missing system roles are created, so all six are always known. */
const unknownRoles = `select l.line, 'roles', 'has ' || given.name || ', which is not an existing role'
  from import_lines l cross join lateral jsonb_to_recordset(l.roles) as given (name text)
  where given.name not in (${Object.values(RoleName)
    .map((name) => `'${name}'`)
    .join(', ')}) and not exists (select from roles r where r.name = given.name)`;

/** SQL for whether both the username and the address of the line belong to the same existing user. */
const isSame = 'l.by_username = l.by_email';

/**
 * The differences between the line and the existing user. A password that was used or set here has a hash of this
 * service.
 */
const differences: Readonly<Record<string, string>> = {
  firstName: 'l.first_name <> u.first_name',
  lastName: 'l.last_name <> u.last_name',
  hash: `l.hash <> u.password_hash and u.password_hash not like 'pepper-v1:%'`,
  memberNumber: 'l.member_number is not null and l.by_member is distinct from u.id',
  isActive: 'l.is_active <> u.is_active',
  roles: `exists (
    select from jsonb_to_recordset(l.roles) as given (name text) where not exists (
      select from user_roles a join roles r on r.id = a.role_id where a.user_id = u.id and r.name = given.name))`,
};

const meetings: readonly string[] = [
  `select l.line, 'username', case when u.deleted_at is not null and lower(u.email) = lower(l.email)
     then 'belonged to a deleted user' else 'is taken' end
   from import_lines l join users u on u.id = l.by_username where ${isSame} is not true`,
  `select line, 'email', 'is taken' from import_lines l where by_email is not null and ${isSame} is not true`,
  `select line, 'memberNumber', 'does not belong to a member' from import_lines where member_number is not null and member_id is null and by_member is null`,
  `select line, 'memberNumber', 'is linked to another user' from import_lines l
   where by_member is not null and (${isSame} and by_member = by_username) is not true`,
  ...Object.entries(differences).map(
    ([path, differs]) => `select l.line, '${path}', 'differs from that of the existing user'
      from import_lines l join users u on u.id = l.by_username where ${isSame} and ${differs}`,
  ),
];
