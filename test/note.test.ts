import { beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { aLocal, type Actor, type Local } from './support/local.ts';

interface Note {
  id: string;
  text: string;
  version: number;
  isPinned: boolean;
  author: { fullName: string };
  revisions: { number: number; text: string; author: { fullName: string } | null }[];
}

const fields = '{ id text version isPinned visibility category author { fullName } revisions { number text author { fullName } } }';
const add = `mutation ($input: AddMemberNoteInput!) { note: addMemberNote(input: $input) ${fields} }`;
const amend = `mutation ($id: ID!, $text: String!, $version: Int) {
  note: amendMemberNote(id: $id, input: { text: $text, version: $version }) ${fields}
}`;
const pin = `mutation ($id: ID!, $isPinned: Boolean!) { note: pinMemberNote(id: $id, isPinned: $isPinned) ${fields} }`;
const remove = 'mutation ($id: ID!) { note: deleteMemberNote(id: $id) { id deletedAt } }';
const one = `query ($id: ID!, $includeDeleted: Boolean! = false) { note: memberNote(id: $id, includeDeleted: $includeDeleted) ${fields} }`;
const ofMember = 'query ($id: ID!) { member(id: $id) { notes memberNotes { totalCount nodes { id } } } }';

let local: Local;
let memberId: string;

beforeAll(async () => {
  local = await aLocal();
  const [row] = await local.sql(`select member_id from users where username = 'member'`);
  memberId = row?.['member_id'] as string;
});

const written = async (who: Actor, changes: object = {}): Promise<Note> => {
  const input = { memberId, text: ' Called twice. ', visibility: 'OFFICE', category: 'CONTACT', ...changes };
  return (await who.see<{ note: Note }>(add, { input })).note;
};

const codesOf = async (who: Actor, query: string, variables: object): Promise<readonly string[]> =>
  (await who.ask(query, { ...variables })).codes;

const eventsOf = (id: string) =>
  local
    .sql(`select e.action from audit_events e where e.target_id = $1 order by e.at, e.id`, [id])
    .then((rows) => rows.map(({ action }) => action));

describe('a note', () => {
  it('has the trimmed text, its author, a first revision, and an audit event without the text', async () => {
    const note = await written(local.staff, { isPinned: true });
    expect(note).toEqual({
      id: expect.any(String),
      text: 'Called twice.',
      version: 1,
      isPinned: true,
      visibility: 'OFFICE',
      category: 'CONTACT',
      author: { fullName: 'Marisol Vega' },
      revisions: [{ number: 1, text: 'Called twice.', author: { fullName: 'Marisol Vega' } }],
    });
    expect(await eventsOf(note.id)).toEqual(['member_note.add']);
  });

  it.each([
    ['empty', { text: ' ' }, [{ path: 'input.text', message: 'must not be empty' }]],
    ['too long', { text: 'é'.repeat(5001) }, [{ path: 'input.text', message: 'must have at most 5000 characters' }]],
    ['about no id', { memberId: 'x' }, [{ path: 'input.memberId', message: 'must be a UUID' }]],
  ])('that is %s is refused', async (_, changes, problems) => {
    const input = { memberId, text: 'Called.', visibility: 'OFFICE', category: 'CONTACT', ...changes };
    const { codes, errors } = await local.staff.ask(add, { input });
    expect(codes).toEqual(['BAD_INPUT']);
    expect(errors[0]?.extensions['fields']).toEqual(problems);
  });

  it('may have 5,000 characters, regardless of their bytes', async () => {
    expect((await written(local.staff, { text: '💡'.repeat(5000) })).text).toHaveLength(10_000);
  });

  it('about an unknown member is refused', async () => {
    const input = { memberId: '01900000-0000-7000-8000-000000000009', text: 'Called.', visibility: 'OFFICE', category: 'CONTACT' };
    expect(await codesOf(local.staff, add, { input })).toEqual(['NOT_FOUND']);
  });
});

describe('the visibility of a note', () => {
  it('for the office includes admins, officers and all staff', async () => {
    const { id } = await written(local.officer);
    for (const who of [local.admin, local.officer, local.staff]) expect((await who.see<{ note: Note }>(one, { id })).note.id).toBe(id);
    for (const who of [local.organizer, local.instructor, local.member]) expect(await codesOf(who, one, { id })).toEqual(['FORBIDDEN']);
  });

  it('for officers includes admins, officers and its author, and no other staff', async () => {
    const { id } = await written(local.staff, { visibility: 'OFFICERS' });
    for (const who of [local.admin, local.vp, local.staff]) expect((await who.see<{ note: Note }>(one, { id })).note.id).toBe(id);
    const other = await written(local.officer, { visibility: 'OFFICERS' });
    for (const query of [one, remove]) expect(await codesOf(local.staff, query, { id: other.id })).toEqual(['NOT_FOUND']);
    expect(await codesOf(local.staff, amend, { id: other.id, text: 'x' })).toEqual(['NOT_FOUND']);
    const ids = async (who: Actor) =>
      (await who.see<{ member: { memberNotes: { nodes: { id: string }[] } } }>(ofMember, { id: memberId })).member;
    expect((await ids(local.staff)).memberNotes.nodes.map((node) => node.id)).not.toContain(other.id);
    expect((await ids(local.vp)).memberNotes.nodes.map((node) => node.id)).toContain(other.id);
  });

  it('never includes members, not even a count of notes about themselves', async () => {
    await written(local.staff);
    expect(await local.member.see(ofMember, { id: memberId })).toMatchObject({ member: { memberNotes: null } });
    expect(await local.organizer.see(ofMember, { id: memberId })).toMatchObject({ member: { memberNotes: null } });
    expect(await codesOf(local.member, '{ memberNotes { totalCount } }', {})).toEqual(['FORBIDDEN']);
  });
});

describe('a new text', () => {
  let note: Note;

  beforeEach(async () => {
    note = await written(local.staff);
  });

  it('stores the old one as a revision, with its author', async () => {
    const amended = await local.admin.see<{ note: Note }>(amend, { id: note.id, text: 'Called three times.', version: 1 });
    expect(amended.note).toMatchObject({
      text: 'Called three times.',
      version: 2,
      author: { fullName: 'Marisol Vega' },
      revisions: [
        { number: 1, text: 'Called twice.', author: { fullName: 'Marisol Vega' } },
        { number: 2, text: 'Called three times.', author: { fullName: 'Ruth Calloway' } },
      ],
    });
    expect(await eventsOf(note.id)).toEqual(['member_note.add', 'member_note.amend']);
  });

  it('is allowed only for the author and admins', async () => {
    const { codes, errors } = await local.officer.ask(amend, { id: note.id, text: 'x' });
    expect([codes, errors[0]?.message]).toEqual([['FORBIDDEN'], 'Only its author or an admin can amend the note.']);
    expect((await local.staff.see<{ note: Note }>(one, { id: note.id })).note).toEqual(note);
  });

  it('is stored once for two concurrent changes, and the other is a CONFLICT', async () => {
    const texts = ['One.', 'Two.'];
    const answers = await Promise.all(texts.map((text) => local.staff.ask<{ note: Note }>(amend, { id: note.id, text, version: 1 })));
    expect(answers.map(({ codes }) => codes[0] ?? 'done').sort()).toEqual(['CONFLICT', 'done']);
    const { revisions } = (await local.staff.see<{ note: Note }>(one, { id: note.id })).note;
    expect(revisions.map(({ number }) => number)).toEqual([1, 2]);
  });

  it('that is the same changes nothing', async () => {
    expect((await local.staff.see<{ note: Note }>(amend, { id: note.id, text: note.text })).note).toEqual(note);
    expect(await eventsOf(note.id)).toEqual(['member_note.add']);
  });

  it('that is too long or from an old version is refused', async () => {
    expect(await codesOf(local.staff, amend, { id: note.id, text: 'x'.repeat(5001) })).toEqual(['BAD_INPUT']);
    expect(await codesOf(local.staff, amend, { id: note.id, text: 'x', version: 7 })).toEqual(['CONFLICT']);
  });
});

it('is not needed to pin or unpin, which every reader can do', async () => {
  const { id } = await written(local.staff);
  expect((await local.officer.see<{ note: Note }>(pin, { id, isPinned: true })).note).toMatchObject({ isPinned: true, version: 2 });
  expect((await local.officer.see<{ note: Note }>(pin, { id, isPinned: true })).note).toMatchObject({ isPinned: true, version: 2 });
  expect((await local.staff.see<{ note: Note }>(pin, { id, isPinned: false })).note).toMatchObject({ isPinned: false, version: 3 });
  expect(await eventsOf(id)).toEqual(['member_note.add', 'member_note.pin', 'member_note.pin']);
});

describe('a deleted note', () => {
  it('leaves the lists, and only admins and officers can request deleted ones', async () => {
    const { id } = await written(local.staff);
    await local.staff.see(remove, { id });
    expect(await codesOf(local.staff, one, { id })).toEqual(['NOT_FOUND']);
    expect((await local.admin.see<{ note: Note }>(one, { id, includeDeleted: true })).note.id).toBe(id);
    expect(await eventsOf(id)).toEqual(['member_note.add', 'member_note.delete']);
  });

  it('was deleted by its author within a day, or by an admin at any time', async () => {
    const [early, late] = [await written(local.staff), await written(local.staff)];
    expect(await codesOf(local.officer, remove, { id: early.id })).toEqual(['FORBIDDEN']);
    await local.sql(`update member_notes set created_at = created_at - interval '25 hours' where id = $1`, [late.id]);
    expect(await codesOf(local.staff, remove, { id: late.id })).toEqual(['CONFLICT']);
    expect(await codesOf(local.staff, remove, { id: early.id })).toEqual([]);
    expect(await codesOf(local.admin, remove, { id: late.id })).toEqual([]);
  });
});
