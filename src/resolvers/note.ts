import type { GraphQLResolveInfo } from 'graphql';
import { Arg, Args, Ctx, ID, Info, Mutation, Query, Resolver } from 'type-graphql';
import type { Context } from '../context.ts';
import { MemberNote } from '../entities/note.ts';
import { connectionOf, includeDeletedOptions, pageOf, type Page } from '../entities/page.ts';
import { creating } from '../services/idempotency.ts';
import { AddMemberNoteInput, AmendMemberNoteInput } from '../services/note.ts';

export const MemberNoteConnection = connectionOf(MemberNote);
export const MemberNotePage = pageOf(MemberNote);

const idOptions = { description: 'The id of the note.' };

@Resolver(MemberNote)
export class MemberNoteResolver {
  @Query(() => MemberNoteConnection, { nullable: true, description: 'Lists notes about members.' })
  memberNotes(@Ctx() { read }: Context, @Args(() => MemberNotePage) page: Page, @Info() info: GraphQLResolveInfo) {
    return read.page(MemberNote, page, info);
  }

  @Query(() => MemberNote, {
    nullable: true,
    description:
      'Returns a note about a member. Fails with NOT_FOUND if it does not exist or is hidden from the caller.',
  })
  memberNote(
    @Ctx() { read }: Context,
    @Arg('id', () => ID, idOptions) id: string,
    @Arg('includeDeleted', () => Boolean, includeDeletedOptions) includeDeleted: boolean,
    @Info() info: GraphQLResolveInfo,
  ) {
    return read.one(MemberNote, { id }, info, includeDeleted);
  }

  @Mutation(() => MemberNote, creating('Adds a note about a member. The member cannot see it.'))
  async addMemberNote(
    @Ctx() { read, once }: Context,
    @Arg('input', () => AddMemberNoteInput, { description: 'The note to add.' }) input: AddMemberNoteInput,
    @Info() info: GraphQLResolveInfo,
  ) {
    return read.one(MemberNote, { id: await once(info, ({ memberNotes }) => memberNotes.add(input)) }, info);
  }

  @Mutation(() => MemberNote, {
    description:
      'Gives a note a new text. The earlier texts stay as `revisions`. Fails with FORBIDDEN unless the caller is its ' +
      'author or an admin.',
  })
  async amendMemberNote(
    @Ctx() { read, memberNotes }: Context,
    @Arg('id', () => ID, idOptions) id: string,
    @Arg('input', () => AmendMemberNoteInput, { description: 'The new text.' }) input: AmendMemberNoteInput,
    @Info() info: GraphQLResolveInfo,
  ) {
    return read.one(MemberNote, { id: await memberNotes.amend(id, input) }, info);
  }

  @Mutation(() => MemberNote, { description: 'Pins or unpins a note.' })
  async pinMemberNote(
    @Ctx() { read, memberNotes }: Context,
    @Arg('id', () => ID, idOptions) id: string,
    @Arg('isPinned', () => Boolean, { description: 'True to pin the note, false to unpin it.' }) isPinned: boolean,
    @Info() info: GraphQLResolveInfo,
  ) {
    return read.one(MemberNote, { id: await memberNotes.pin(id, isPinned) }, info);
  }

  @Mutation(() => MemberNote, {
    description:
      'Deletes a note. Fails with FORBIDDEN unless the caller is its author or an admin, and with CONFLICT for an ' +
      'author after 24 hours.',
  })
  async deleteMemberNote(
    @Ctx() { read, memberNotes }: Context,
    @Arg('id', () => ID, idOptions) id: string,
    @Info() info: GraphQLResolveInfo,
  ) {
    return read.deleted(MemberNote, await memberNotes.delete(id), info);
  }
}
