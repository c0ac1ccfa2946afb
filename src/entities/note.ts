import { Collection, type Ref } from '@mikro-orm/core';
import { Check, Entity, Enum, ManyToOne, OneToMany, Property, Unique } from '@mikro-orm/decorators/legacy';
import { Field, Int, ObjectType, registerEnumType } from 'type-graphql';
import { Listed } from './listing.ts';
import { Member } from './member.ts';
import { Dated, Node, Versioned } from './record.ts';
import { Person, User } from './user.ts';

export enum MemberNoteVisibility {
  OFFICE = 'office',
  OFFICERS = 'officers',
}

registerEnumType(MemberNoteVisibility, {
  name: 'MemberNoteVisibility',
  description: 'Who can read a note about a member.',
  valuesConfig: {
    OFFICE: { description: 'Admins, officers, and staff.' },
    OFFICERS: { description: 'Admins, officers, and the author.' },
  },
});

export enum MemberNoteCategory {
  CONTACT = 'contact',
  DUES = 'dues',
  GRIEVANCE = 'grievance',
  REFERRAL = 'referral',
  GENERAL = 'general',
}

registerEnumType(MemberNoteCategory, {
  name: 'MemberNoteCategory',
  description: 'The subject of a note about a member.',
  valuesConfig: {
    CONTACT: { description: 'A conversation, call, or message.' },
    DUES: { description: 'Dues and payments.' },
    GRIEVANCE: { description: 'A grievance or a complaint.' },
    REFERRAL: { description: 'Referral to work.' },
    GENERAL: { description: 'Another subject.' },
  },
});

/** The maximum number of characters in a note. */
export const longestNote = 5000;

export interface MemberNoteFacts {
  member: Ref<Member>;
  author: Ref<User>;
  text: string;
  visibility: MemberNoteVisibility;
  category: MemberNoteCategory;
  isPinned: boolean;
}

/** An internal note about a member. Keeps every earlier text as a revision. */
@ObjectType({
  description: 'An internal note of the union about a member. The member cannot see it.',
  simpleResolvers: true,
  implements: Node,
})
@Entity({ tableName: 'member_notes' })
@Listed({
  filter: ['member', 'visibility', 'category', 'isPinned', 'createdAt'],
  order: ['createdAt', 'category'],
  by: ['createdAt', 'DESC'],
})
@Check({ name: 'member_notes_text_length', expression: `char_length(text) between 1 and ${longestNote}` })
export class MemberNote extends Versioned {
  @Field(() => Member, { nullable: true, description: 'The member. Null when hidden from the caller.' })
  @ManyToOne({ entity: () => Member, ref: true, deleteRule: 'restrict' })
  member: Ref<Member>;

  @Field(() => Person, {
    nullable: true,
    description: 'The user who added the note. Null when hidden from the caller.',
  })
  @ManyToOne({ entity: () => User, ref: true, deleteRule: 'restrict', index: true })
  author: Ref<User>;

  @Field(() => String, { description: 'The current text.' })
  @Property({ type: 'text' })
  text: string;

  @Field(() => MemberNoteVisibility, { description: 'Who can read the note.' })
  @Enum({ items: () => MemberNoteVisibility })
  visibility: MemberNoteVisibility;

  @Field(() => MemberNoteCategory, { description: 'The subject.' })
  @Enum({ items: () => MemberNoteCategory })
  category: MemberNoteCategory;

  @Field(() => Boolean, { description: 'Whether the note is pinned.' })
  @Property({ type: 'boolean' })
  isPinned: boolean;

  @Field(() => [MemberNoteRevision], {
    description: 'Every text of the note, oldest first. The last is the current one.',
  })
  @OneToMany({ entity: () => MemberNoteRevision, mappedBy: 'note', orderBy: { number: 'asc' } })
  revisions = new Collection<MemberNoteRevision>(this);

  constructor(facts: MemberNoteFacts) {
    super();
    this.member = facts.member;
    this.author = facts.author;
    this.text = facts.text;
    this.visibility = facts.visibility;
    this.category = facts.category;
    this.isPinned = facts.isPinned;
  }
}

export interface MemberNoteRevisionFacts {
  note: Ref<MemberNote>;
  number: number;
  text: string;
  author: Ref<User>;
}

/** A revision: one text of a note as it was written. */
@ObjectType({ description: 'A text of a note about a member.', simpleResolvers: true })
@Entity({ tableName: 'member_note_revisions' })
@Unique({ properties: ['note', 'number'] })
@Check({ name: 'member_note_revisions_number_positive', expression: 'number > 0' })
@Check({ name: 'member_note_revisions_text_length', expression: `char_length(text) between 1 and ${longestNote}` })
export class MemberNoteRevision extends Dated {
  @ManyToOne({ entity: () => MemberNote, ref: true, deleteRule: 'restrict' })
  note: Ref<MemberNote>;

  @Field(() => Int, { description: 'The number of the revision, from 1.' })
  @Property({ type: 'integer' })
  number: number;

  @Field(() => String, { description: 'The text.' })
  @Property({ type: 'text' })
  text: string;

  @Field(() => Person, {
    nullable: true,
    description: 'The user who wrote this text. Null when hidden from the caller.',
  })
  @ManyToOne({ entity: () => User, ref: true, deleteRule: 'restrict', index: true })
  author: Ref<User>;

  constructor(facts: MemberNoteRevisionFacts) {
    super();
    this.note = facts.note;
    this.number = facts.number;
    this.text = facts.text;
    this.author = facts.author;
  }
}
