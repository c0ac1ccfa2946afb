import type { GraphQLResolveInfo } from 'graphql';
import { Arg, Args, Ctx, FieldResolver, ID, Info, Int, Mutation, Query, Resolver, Root, Subscription } from 'type-graphql';
import type { Context } from '../context.ts';
import type { CaseChange } from '../entities/case.ts';
import { Grievance, GrievanceChange } from '../entities/grievance.ts';
import { connectionOf, includeDeletedOptions, pageOf, type Page } from '../entities/page.ts';
import { EndGrievanceInput, SettleGrievanceInput } from '../services/grievance/end-grievance.ts';
import { FileGrievanceInput } from '../services/grievance/file-grievance.ts';
import { RecordGrievanceStepInput } from '../services/grievance/record-step.ts';
import { UpdateGrievanceInput } from '../services/grievance/update-grievance.ts';
import { creating } from '../services/idempotency.ts';

export const GrievanceConnection = connectionOf(Grievance);
export const GrievancePage = pageOf(Grievance);

const versionOptions = { nullable: true, description: 'The version that was looked at; another one is a CONFLICT.' };

@Resolver(Grievance)
export class GrievanceResolver {
  @Query(() => GrievanceConnection, { nullable: true, description: 'Grievances; a member sees their own.' })
  grievances(@Ctx() { read }: Context, @Args(() => GrievancePage) page: Page, @Info() info: GraphQLResolveInfo) {
    return read.page(Grievance, page, info);
  }

  @Query(() => Grievance, { nullable: true, description: 'One grievance.' })
  grievance(
    @Ctx() { read }: Context,
    @Arg('id', () => ID, { description: 'Its id.' }) id: string,
    @Arg('includeDeleted', () => Boolean, includeDeletedOptions) includeDeleted: boolean,
    @Info() info: GraphQLResolveInfo,
  ) {
    return read.one(Grievance, { id }, info, includeDeleted);
  }

  @Query(() => Grievance, { nullable: true, description: 'One grievance, by the number it was given.' })
  grievanceByNumber(
    @Ctx() { read }: Context,
    @Arg('grievanceNumber', () => String, { description: 'Its number, `GR-YYYY-NNNN`.' }) grievanceNumber: string,
    @Arg('includeDeleted', () => Boolean, includeDeletedOptions) includeDeleted: boolean,
    @Info() info: GraphQLResolveInfo,
  ) {
    return read.one(Grievance, { grievanceNumber }, info, includeDeleted);
  }

  @Mutation(() => Grievance, creating('Files a grievance; the server gives it the next number of its year.'))
  async fileGrievance(
    @Ctx() { read, once }: Context,
    @Arg('input', () => FileGrievanceInput, { description: 'What it is about.' }) input: FileGrievanceInput,
    @Info() info: GraphQLResolveInfo,
  ) {
    return read.one(Grievance, { id: await once(info, ({ grievances }) => grievances.file(input)) }, info);
  }

  @Mutation(() => Grievance, { description: 'Corrects or completes a grievance that has not ended.' })
  async updateGrievance(
    @Ctx() { read, grievances }: Context,
    @Arg('id', () => ID, { description: 'Its id.' }) id: string,
    @Arg('input', () => UpdateGrievanceInput, { description: 'What changes.' }) input: UpdateGrievanceInput,
    @Info() info: GraphQLResolveInfo,
  ) {
    return read.one(Grievance, { id: await grievances.update(id, input) }, info);
  }

  @Mutation(() => Grievance, { description: 'Begins the investigation of an open grievance.' })
  async investigateGrievance(
    @Ctx() { read, grievances }: Context,
    @Arg('id', () => ID, { description: 'Its id.' }) id: string,
    @Arg('version', () => Int, versionOptions) version: number | null,
    @Info() info: GraphQLResolveInfo,
  ) {
    return read.one(Grievance, { id: await grievances.investigate(id, version ?? null) }, info);
  }

  @Mutation(() => Grievance, creating('Records the meeting of the current step: its outcome moves, settles or leaves the case.'))
  async recordGrievanceStep(
    @Ctx() { read, once }: Context,
    @Arg('input', () => RecordGrievanceStepInput, { description: 'The meeting.' }) input: RecordGrievanceStepInput,
    @Info() info: GraphQLResolveInfo,
  ) {
    return read.one(Grievance, { id: await once(info, ({ grievances }) => grievances.recordStep(input)) }, info);
  }

  @Mutation(() => Grievance, { description: 'Takes a denial to the next step.' })
  async appealGrievance(
    @Ctx() { read, grievances }: Context,
    @Arg('id', () => ID, { description: 'Its id.' }) id: string,
    @Arg('version', () => Int, versionOptions) version: number | null,
    @Info() info: GraphQLResolveInfo,
  ) {
    return read.one(Grievance, { id: await grievances.appeal(id, version ?? null) }, info);
  }

  @Mutation(() => Grievance, { description: 'Ends a grievance with a settlement.' })
  async settleGrievance(
    @Ctx() { read, grievances }: Context,
    @Arg('input', () => SettleGrievanceInput, { description: 'What was agreed.' }) input: SettleGrievanceInput,
    @Info() info: GraphQLResolveInfo,
  ) {
    return read.one(Grievance, { id: await grievances.settle(input) }, info);
  }

  @Mutation(() => Grievance, { description: 'Ends a grievance because the union takes it back.' })
  async withdrawGrievance(
    @Ctx() { read, grievances }: Context,
    @Arg('input', () => EndGrievanceInput, { description: 'Which, and why.' }) input: EndGrievanceInput,
    @Info() info: GraphQLResolveInfo,
  ) {
    return read.one(Grievance, { id: await grievances.withdraw(input) }, info);
  }

  @Mutation(() => Grievance, { description: 'Ends a grievance otherwise.' })
  async closeGrievance(
    @Ctx() { read, grievances }: Context,
    @Arg('input', () => EndGrievanceInput, { description: 'Which, and why.' }) input: EndGrievanceInput,
    @Info() info: GraphQLResolveInfo,
  ) {
    return read.one(Grievance, { id: await grievances.close(input) }, info);
  }

  @Subscription(() => GrievanceChange, {
    description:
      'Something was done to a grievance that the caller sees at that instant, on any node; a grievance that was just filed is in the lists. Over a WebSocket, by graphql-transport-ws.',
    subscribe: ({ context, args }: Subscribing) => context.cases.changesOf(Grievance, args.id),
  })
  grievanceChanged(
    @Root() change: CaseChange,
    @Arg('id', () => ID, { nullable: true, description: 'Of this one alone.' }) _id: string | null,
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
  @FieldResolver(() => Grievance, { description: 'The grievance, as it is when this is told.' })
  grievance(@Ctx() { read }: Context, @Root() { id }: CaseChange, @Info() info: GraphQLResolveInfo) {
    return read.one(Grievance, { id }, info);
  }
}
