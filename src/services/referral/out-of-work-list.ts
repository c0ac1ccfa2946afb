import { ArgsType, Field, ID, Int } from 'type-graphql';
import { validate as isUuid } from 'uuid';
import { largestPage } from '../../entities/page.ts';
import { ListView, type OutOfWorkEntry, type OutOfWorkList } from '../../entities/referral.ts';
import { RoleName } from '../../entities/role.ts';
import { DateTimeScalar, dayIn } from '../../entities/scalars.ts';
import { badInput, notFound } from '../../errors.ts';
import type { Scope } from '../scope.ts';

@ArgsType()
export class OutOfWorkListArgs {
  @Field(() => ID, { description: 'The id of the book.' })
  bookId!: string;

  @Field(() => DateTimeScalar, {
    nullable: true,
    description: 'The instant of the list. Defaults to now. Must not be in the future.',
  })
  at?: Date | null;

  @Field(() => Int, {
    defaultValue: largestPage,
    description: `The number of lines, 1 to ${largestPage}.`,
  })
  first!: number;

  @Field(() => Int, { defaultValue: 0, description: 'Returns the lines after this position. At least 0.' })
  after!: number;
}

/** The roles that see every list. Registrants see the lists of the books on which they are. */
const office: readonly RoleName[] = [RoleName.ADMIN, RoleName.OFFICER, RoleName.STAFF];

/** The registrations on the list now: not ended, and re-signed in time. `$3` is the instant. */
const current = `from registrations r
  where r.book_id = $1 and r.ended_at is null and r.resign_by >= $2::date and $3::timestamptz is not null`;

/** The registrations on the list at a past instant `$3`, on the day `$2`, by their last events up to then. */
const replayed = `from registrations r
  cross join lateral (select e.resign_by from registration_events e where e.registration_id = r.id and e.at <= $3
    order by e.number desc limit 1) last
  where r.book_id = $1 and (r.ended_at is null or r.ended_at > $3) and last.resign_by >= $2::date`;

/**
 * Returns the out-of-work list of a book, now or as it was at an instant. The order is group, then rank, then place.
 * @throws BAD_INPUT with every problem; NOT_FOUND if the book does not exist or the caller may not see its list.
 */
export async function outOfWorkList(scope: Scope, args: OutOfWorkListArgs): Promise<OutOfWorkList> {
  const now = scope.now();
  assertArgs(args, now);
  const at = args.at ?? now;
  const isFull = await seesAll(scope, args.bookId);
  const [registrations, due] = args.at ? [replayed, 'last.resign_by'] : [current, 'r.resign_by'];
  const [list] = await scope.run(
    `with listed as (select r.id, r.registrant_id, r.group_number, r.rank_at, r.place, r.registered_at,
        ${due} as resign_by ${registrations}),
      numbered as (select l.*, row_number() over (order by group_number, rank_at, place)::int as position from listed l),
      page as (
        select n.position, n.id as "registrationId", n.group_number as "groupNumber", n.registered_at as "registeredAt",
          to_char(n.resign_by, 'YYYY-MM-DD') as "resignBy", p.home_local as "homeLocal",
          coalesce(m.first_name, p.first_name) || ' ' || coalesce(m.last_name, p.last_name) as "fullName",
          coalesce(p.member_id = $6, false) as "isOwn"
        from numbered n join registrants p on p.id = n.registrant_id left join members m on m.id = p.member_id
        where n.position > $4 and ($7 or p.member_id = $6) order by n.position limit $5)
    select (select count(*)::int from listed) as "totalCount",
      coalesce((select json_agg(page order by position) from page), '[]') as entries`,
    [args.bookId, dayIn(scope.timeZone, at), at, args.after, args.first, scope.viewer.memberId, isFull],
  );
  const { totalCount, entries } = list as { totalCount: number; entries: OutOfWorkEntry[] };
  return {
    at,
    totalCount,
    entries: entries.map((entry) => ({ ...entry, registeredAt: new Date(entry.registeredAt) })),
  };
}

function assertArgs({ bookId, at, first, after }: OutOfWorkListArgs, now: Date): void {
  const problems = [
    ...(isUuid(bookId) ? [] : [{ path: 'bookId', message: 'must be a UUID' }]),
    ...(at && at > now ? [{ path: 'at', message: 'must not be in the future' }] : []),
    ...(first >= 1 && first <= largestPage ? [] : [{ path: 'first', message: `must be from 1 to ${largestPage}` }]),
    ...(after >= 0 ? [] : [{ path: 'after', message: 'must be at least 0' }]),
  ];
  if (problems.length > 0) throw badInput(...problems);
}

/**
 * Whether the caller sees every line of the list, or only their own.
 * @throws NOT_FOUND if the book does not exist or the caller may not see its list.
 */
async function seesAll({ run, viewer }: Scope, bookId: string): Promise<boolean> {
  const [book] = await run(
    `select b.list_to_registrants as view, exists (select 1 from registrations r join registrants p on p.id = r.registrant_id
       where r.book_id = b.id and p.member_id = $2 and r.ended_at is null) as "isOn"
     from referral_books b where b.id = $1`,
    [bookId, viewer.memberId],
  );
  if (book === undefined) throw notFound();
  if (office.some((role) => viewer.roles.has(role))) return true;
  if (book['isOn'] !== true) throw notFound();
  return book['view'] === ListView.FULL;
}
