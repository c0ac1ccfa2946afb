import type { GraphQLResolveInfo } from 'graphql';
import {
  Arg,
  Args,
  Ctx,
  FieldResolver,
  ID,
  Info,
  Int,
  Mutation,
  Query,
  Resolver,
  Root,
  Subscription,
} from 'type-graphql';
import type { Context } from '../context.ts';
import type { CaseChange } from '../entities/case.ts';
import { Grievance, GrievanceChange } from '../entities/grievance.ts';
import { connectionOf, includeDeletedOptions, pageOf, type Page } from '../entities/page.ts';
import { versionOptions } from '../entities/record.ts';
import { DateScalar } from '../entities/scalars.ts';
import {
  ExtendGrievanceDeadlineInput,
  NoteGrievanceDateInput,
  TakeGrievanceDefaultInput,
} from '../services/grievance/deadline-actions.ts';
import { EndGrievanceInput, SettleGrievanceInput } from '../services/grievance/end-grievance.ts';
import { FileGrievanceInput } from '../services/grievance/file-grievance.ts';
import { RecordGrievanceStepInput } from '../services/grievance/record-step.ts';
import { UpdateGrievanceInput } from '../services/grievance/update-grievance.ts';
import { creating } from '../services/idempotency.ts';

export const GrievanceConnection = connectionOf(Grievance);
export const GrievancePage = pageOf(Grievance);

@Resolver(Grievance)
export class GrievanceResolver {
  @Query(() => GrievanceConnection, { nullable: true, description: 'Lists grievances.' })
  grievances(@Ctx() { read }: Context, @Args(() => GrievancePage) page: Page, @Info() info: GraphQLResolveInfo) {
    return read.page(Grievance, page, info);
  }

  @Query(() => Grievance, {
    nullable: true,
    description: 'Returns a grievance. Fails with NOT_FOUND if it does not exist or is hidden from the caller.',
  })
  grievance(
    @Ctx() { read }: Context,
    @Arg('id', () => ID, { description: 'The id of the grievance.' }) id: string,
    @Arg('includeDeleted', () => Boolean, includeDeletedOptions) includeDeleted: boolean,
    @Info() info: GraphQLResolveInfo,
  ) {
    return read.one(Grievance, { id }, info, includeDeleted);
  }

  @Query(() => Grievance, {
    nullable: true,
    description:
      'Returns the grievance with this number. Fails with NOT_FOUND if it does not exist or is hidden from the caller.',
  })
  grievanceByNumber(
    @Ctx() { read }: Context,
    @Arg('grievanceNumber', () => String, { description: 'The number of the grievance, such as `GR-2026-0001`.' })
    grievanceNumber: string,
    @Arg('includeDeleted', () => Boolean, includeDeletedOptions) includeDeleted: boolean,
    @Info() info: GraphQLResolveInfo,
  ) {
    return read.one(Grievance, { grievanceNumber }, info, includeDeleted);
  }

  @Mutation(() => Grievance, creating('Files a grievance. The server assigns the next number of the filing year.'))
  async fileGrievance(
    @Ctx() { read, once }: Context,
    @Arg('input', () => FileGrievanceInput, { description: 'The grievance to file.' }) input: FileGrievanceInput,
    @Info() info: GraphQLResolveInfo,
  ) {
    return read.one(Grievance, { id: await once(info, ({ grievances }) => grievances.file(input)) }, info);
  }

  @Mutation(() => Grievance, {
    description: 'Changes the record of a grievance. Fails with CONFLICT if the grievance has ended.',
  })
  async updateGrievance(
    @Ctx() { read, grievances }: Context,
    @Arg('id', () => ID, { description: 'The id of the grievance.' }) id: string,
    @Arg('input', () => UpdateGrievanceInput, { description: 'The fields to change.' }) input: UpdateGrievanceInput,
    @Info() info: GraphQLResolveInfo,
  ) {
    return read.one(Grievance, { id: await grievances.update(id, input) }, info);
  }

  @Mutation(() => Grievance, {
    description: 'Starts the investigation of a grievance. Fails with CONFLICT unless its status is OPEN.',
  })
  async investigateGrievance(
    @Ctx() { read, grievances }: Context,
    @Arg('id', () => ID, { description: 'The id of the grievance.' }) id: string,
    @Arg('version', () => Int, versionOptions) version: number | null,
    @Info() info: GraphQLResolveInfo,
  ) {
    return read.one(Grievance, { id: await grievances.investigate(id, version ?? null) }, info);
  }

  @Mutation(
    () => Grievance,
    creating(
      'Records the meeting of the current step. Depending on its result, the grievance advances, is ' +
        'settled, or stays at the step. Fails with CONFLICT if the grievance has ended or the current step ' +
        'was denied.',
    ),
  )
  async recordGrievanceStep(
    @Ctx() { read, once }: Context,
    @Arg('input', () => RecordGrievanceStepInput, { description: 'The meeting to record.' })
    input: RecordGrievanceStepInput,
    @Info() info: GraphQLResolveInfo,
  ) {
    return read.one(Grievance, { id: await once(info, ({ grievances }) => grievances.recordStep(input)) }, info);
  }

  @Mutation(() => Grievance, {
    description:
      'Takes a denied grievance to the next step. Fails with CONFLICT unless the current step was ' +
      'denied. A denial at arbitration cannot be appealed.',
  })
  async appealGrievance(
    @Ctx() { read, grievances }: Context,
    @Arg('id', () => ID, { description: 'The id of the grievance.' }) id: string,
    @Arg('version', () => Int, versionOptions) version: number | null,
    @Arg('appealDate', () => DateScalar, {
      nullable: true,
      description: 'The date of the appeal. Must not be in the future or before the answer. Defaults to today.',
    })
    appealDate: string | null,
    @Info() info: GraphQLResolveInfo,
  ) {
    const facts = { version: version ?? null, appealDate: appealDate ?? null };
    return read.one(Grievance, { id: await grievances.appeal(id, facts) }, info);
  }

  @Mutation(
    () => Grievance,
    creating(
      'Adds or corrects the date of the meeting or the answer at the current step, and counts the deadlines again. Fails with ' +
        'CONFLICT if no agreement governs the grievance or it has ended.',
    ),
  )
  async noteGrievanceDate(
    @Ctx() { read, once }: Context,
    @Arg('input', () => NoteGrievanceDateInput, { description: 'The date to note.' }) input: NoteGrievanceDateInput,
    @Info() info: GraphQLResolveInfo,
  ) {
    return read.one(Grievance, { id: await once(info, ({ grievances }) => grievances.noteDate(input)) }, info);
  }

  @Mutation(
    () => Grievance,
    creating(
      'Moves a deadline of the current step, or holds it open. Fails with CONFLICT if the deadline was met or has no effect.',
    ),
  )
  async extendGrievanceDeadline(
    @Ctx() { read, once }: Context,
    @Arg('input', () => ExtendGrievanceDeadlineInput, { description: 'The extension.' })
    input: ExtendGrievanceDeadlineInput,
    @Info() info: GraphQLResolveInfo,
  ) {
    return read.one(Grievance, { id: await once(info, ({ grievances }) => grievances.extend(input)) }, info);
  }

  @Mutation(() => Grievance, {
    description:
      'Applies what the agreement says of a deadline that the employer missed. DENIED counts as a denial on the due date. ADVANCED ' +
      'takes the grievance to the next step. GRANTED settles it. Fails with CONFLICT unless the state of the deadline is DEFAULTED.',
  })
  async takeGrievanceDefault(
    @Ctx() { read, grievances }: Context,
    @Arg('input', () => TakeGrievanceDefaultInput, { description: 'The missed deadline.' })
    input: TakeGrievanceDefaultInput,
    @Info() info: GraphQLResolveInfo,
  ) {
    return read.one(Grievance, { id: await grievances.takeDefault(input) }, info);
  }

  @Mutation(() => Grievance, {
    description: 'Ends a grievance with a settlement. Fails with CONFLICT if the grievance has ended.',
  })
  async settleGrievance(
    @Ctx() { read, grievances }: Context,
    @Arg('input', () => SettleGrievanceInput, { description: 'The settlement.' }) input: SettleGrievanceInput,
    @Info() info: GraphQLResolveInfo,
  ) {
    return read.one(Grievance, { id: await grievances.settle(input) }, info);
  }

  @Mutation(() => Grievance, {
    description: 'Ends a grievance because the union withdraws it. Fails with CONFLICT if the grievance has ended.',
  })
  async withdrawGrievance(
    @Ctx() { read, grievances }: Context,
    @Arg('input', () => EndGrievanceInput, { description: 'The grievance and the reason.' }) input: EndGrievanceInput,
    @Info() info: GraphQLResolveInfo,
  ) {
    return read.one(Grievance, { id: await grievances.withdraw(input) }, info);
  }

  @Mutation(() => Grievance, {
    description:
      'Ends a grievance for a reason other than settlement or withdrawal. Fails with CONFLICT if the grievance has ended.',
  })
  async closeGrievance(
    @Ctx() { read, grievances }: Context,
    @Arg('input', () => EndGrievanceInput, { description: 'The grievance and the reason.' }) input: EndGrievanceInput,
    @Info() info: GraphQLResolveInfo,
  ) {
    return read.one(Grievance, { id: await grievances.close(input) }, info);
  }

  @Subscription(() => GrievanceChange, {
    description:
      'Sends an event for each new grievance, and for each change to one, that the caller can see at that ' +
      'moment. Uses WebSocket with the `graphql-transport-ws` protocol.',
    subscribe: ({ context, args }: Subscribing) => context.cases.changesOf(Grievance, args.id),
  })
  grievanceChanged(
    @Root() change: CaseChange,
    @Arg('id', () => ID, { nullable: true, description: 'Limits events to the grievance with this id.' })
    _id: string | null,
  ) {
    return change;
  }
}

interface Subscribing {
  readonly context: Context;
  readonly args: { readonly id?: string | null };
}

@Resolver(GrievanceChange)
export class GrievanceChangeResolver {
  @FieldResolver(() => Grievance, { description: 'The grievance in its current state.' })
  grievance(@Ctx() { read }: Context, @Root() { id }: CaseChange, @Info() info: GraphQLResolveInfo) {
    return read.one(Grievance, { id }, info);
  }
}
