import type { GraphQLResolveInfo } from 'graphql';
import { Arg, Args, Ctx, ID, Info, Mutation, Query, Resolver } from 'type-graphql';
import type { Context } from '../context.ts';
import { HolidayCalendar } from '../entities/calendar.ts';
import { DateScalar } from '../entities/scalars.ts';
import { CreateHolidayCalendarInput, DueDateArgs, HolidayInput } from '../services/calendar.ts';
import { creating } from '../services/idempotency.ts';

const frozen = 'Fails with CONFLICT for today and earlier days if an agreement uses the calendar.';

@Resolver(HolidayCalendar)
export class HolidayCalendarResolver {
  @Query(() => [HolidayCalendar], { nullable: true, description: 'Lists the working-day calendars.' })
  holidayCalendars(@Ctx() { read }: Context, @Info() info: GraphQLResolveInfo) {
    return read.all(HolidayCalendar, { property: 'name', direction: 'ASC' }, info);
  }

  @Query(() => DateScalar, {
    nullable: true,
    description:
      'Returns the last day on which a time limit is met. Every caller can count, also without signing in. ' +
      'Fails with NOT_FOUND if the calendar does not exist.',
  })
  dueDate(@Ctx() { calendars }: Context, @Args(() => DueDateArgs) args: DueDateArgs) {
    return calendars.dueDate(args);
  }

  @Mutation(() => HolidayCalendar, creating('Creates a working-day calendar.'))
  async createHolidayCalendar(
    @Ctx() { read, once }: Context,
    @Arg('input', () => CreateHolidayCalendarInput, { description: 'The calendar to create.' })
    input: CreateHolidayCalendarInput,
    @Info() info: GraphQLResolveInfo,
  ) {
    return read.one(HolidayCalendar, { id: await once(info, ({ calendars }) => calendars.create(input)) }, info);
  }

  @Mutation(() => HolidayCalendar, creating('Adds a holiday to a calendar and returns the calendar. ' + frozen))
  async addHoliday(
    @Ctx() { read, once }: Context,
    @Arg('calendarId', () => ID, { description: 'The id of the calendar.' }) calendarId: string,
    @Arg('input', () => HolidayInput, { description: 'The holiday to add.' }) input: HolidayInput,
    @Info() info: GraphQLResolveInfo,
  ) {
    return read.one(
      HolidayCalendar,
      { id: await once(info, ({ calendars }) => calendars.addHoliday(calendarId, input)) },
      info,
    );
  }

  @Mutation(() => HolidayCalendar, {
    description: 'Removes a holiday from its calendar and returns the calendar. ' + frozen,
  })
  async removeHoliday(
    @Ctx() { read, calendars }: Context,
    @Arg('id', () => ID, { description: 'The id of the holiday.' }) id: string,
    @Info() info: GraphQLResolveInfo,
  ) {
    return read.one(HolidayCalendar, { id: await calendars.removeHoliday(id) }, info);
  }
}
