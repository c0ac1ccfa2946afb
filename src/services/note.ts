import { ref } from '@mikro-orm/postgresql';
import { Field, ID, InputType, Int } from 'type-graphql';
import { validate as isUuid } from 'uuid';
import { Member } from '../entities/member.ts';
import {
  longestNote,
  MemberNote,
  MemberNoteCategory,
  MemberNoteRevision,
  MemberNoteVisibility,
} from '../entities/note.ts';
import { versionOptions } from '../entities/record.ts';
import { RoleName } from '../entities/role.ts';
import { isLonger } from '../entities/text.ts';
import { User } from '../entities/user.ts';
import { conflict, forbidden, notFound, type FieldProblem } from '../errors.ts';
import { changeEvent, recordChange } from './audit/event.ts';
import { assertNoProblems, assertVersion, findVisible, flush, insertRows, parseInput } from './record/index.ts';
import type { Scope } from './scope.ts';

@InputType({ description: 'A note about a member to add.' })
export class AddMemberNoteInput {
  @Field(() => ID, { description: 'The id of the member.' })
  memberId!: string;

  @Field(() => String, { description: `The text, 1 to ${longestNote} characters.` })
  text!: string;

  @Field(() => MemberNoteVisibility, { description: 'Who can read the note.' })
  visibility!: MemberNoteVisibility;

  @Field(() => MemberNoteCategory, { description: 'The subject.' })
  category!: MemberNoteCategory;

  @Field(() => Boolean, { defaultValue: false, description: 'Whether to pin the note.' })
  isPinned!: boolean;
}

@InputType({ description: 'A new text of a note about a member.' })
export class AmendMemberNoteInput {
  @Field(() => String, { description: `The new text, 1 to ${longestNote} characters.` })
  text!: string;

  @Field(() => Int, versionOptions)
  version?: number | null;
}

/** The milliseconds within which authors may delete a note. */
const mayDeleteFor = 24 * 3_600_000;

/**
 * Adds a note with its first revision.
 * @returns its id.
 * @throws BAD_INPUT with every problem; NOT_FOUND if the member is missing or hidden from the caller.
 */
export async function addNote(scope: Scope, input: AddMemberNoteInput): Promise<string> {
  const { memberId, ...given } = input;
  const { values, problems } = parseInput(scope, MemberNote, given);
  problems.push(...lengthProblems(values.text));
  if (!isUuid(memberId)) problems.unshift({ path: 'memberId', message: 'must be a UUID' });
  assertNoProblems(problems);
  if (!(await scope.visibility.sees({ entity: Member, id: memberId }))) throw notFound();
  const author = ref(User, scope.viewer.userId ?? '');
  const note = new MemberNote({ ...values, member: ref(Member, memberId), author });
  const revision = new MemberNoteRevision({ note: ref(MemberNote, note.id), number: 1, text: note.text, author });
  const change = { action: 'member_note.add', targetType: 'MemberNote', targetId: note.id };
  await insertRows(scope, [note, revision, changeEvent(scope, change)]);
  return note.id;
}

/**
 * Replaces the text of a note. The earlier texts stay as revisions.
 * @returns its id.
 * @throws BAD_INPUT with every problem; NOT_FOUND; FORBIDDEN unless the caller is its author or an admin; CONFLICT if
 * the version is outdated.
 */
export function amendNote(scope: Scope, id: string, { version, ...input }: AmendMemberNoteInput): Promise<string> {
  const { values, problems } = parseInput(scope, MemberNote, input);
  problems.push(...lengthProblems(values.text));
  return scope.transaction(async (tx) => {
    const note = await findVisible(tx, MemberNote, id, { isHeld: true });
    assertAuthor(scope, note, 'amend');
    assertVersion(note, version);
    assertNoProblems(problems);
    if (values.text === note.text) return note.id;
    const number = (await tx.em.count(MemberNoteRevision, { note: note.id })) + 1;
    const author = ref(User, scope.viewer.userId ?? '');
    note.text = values.text;
    tx.em.persist(new MemberNoteRevision({ note: ref(MemberNote, note.id), number, text: note.text, author }));
    recordChange(tx, { action: 'member_note.amend', targetType: 'MemberNote', targetId: note.id });
    await flush(tx);
    return note.id;
  });
}

/**
 * Pins a note, or unpins it.
 * @returns its id.
 * @throws BAD_INPUT if the id is malformed; NOT_FOUND.
 */
export function pinNote(scope: Scope, id: string, isPinned: boolean): Promise<string> {
  return scope.transaction(async (tx) => {
    const note = await findVisible(tx, MemberNote, id, { isHeld: true });
    if (note.isPinned === isPinned) return note.id;
    note.isPinned = isPinned;
    recordChange(tx, { action: 'member_note.pin', targetType: 'MemberNote', targetId: note.id });
    await flush(tx);
    return note.id;
  });
}

/**
 * Deletes a note.
 * @returns its id.
 * @throws BAD_INPUT if the id is malformed; NOT_FOUND; FORBIDDEN unless the caller is its author or an admin; CONFLICT
 * for an author after 24 hours.
 */
export function deleteNote(scope: Scope, id: string): Promise<string> {
  return scope.transaction(async (tx) => {
    const note = await findVisible(tx, MemberNote, id, { isHeld: true });
    assertAuthor(scope, note, 'delete');
    const now = scope.now();
    if (!isAdmin(scope) && now.getTime() - note.createdAt.getTime() > mayDeleteFor)
      throw conflict('Authors can delete a note within 24 hours. Ask an admin.', 'TOO_LATE', []);
    note.deletedAt = now;
    recordChange(tx, { action: 'member_note.delete', targetType: 'MemberNote', targetId: note.id });
    await flush(tx);
    return note.id;
  });
}

const isAdmin = ({ viewer }: Scope): boolean => viewer.roles.has(RoleName.ADMIN);

function assertAuthor(scope: Scope, note: MemberNote, verb: string): void {
  if (note.author.id !== scope.viewer.userId && !isAdmin(scope))
    throw forbidden(`Only its author or an admin can ${verb} the note.`);
}

const lengthProblems = (text: string): FieldProblem[] =>
  isLonger(text, longestNote) ? [{ path: 'text', message: `must have at most ${longestNote} characters` }] : [];

/** Internal notes about members. */
export const memberNotes = { add: addNote, amend: amendNote, pin: pinNote, delete: deleteNote };
