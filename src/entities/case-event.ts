import { Check, Entity, Index, ManyToOne, Property, Trigger } from '@mikro-orm/decorators/legacy';
import type { Ref } from '@mikro-orm/core';
import { Field, ObjectType, registerEnumType } from 'type-graphql';
import { BenevolenceAction, BenevolenceApplication } from './benevolence.ts';
import { caseChannel } from './case.ts';
import { Grievance, GrievanceAction } from './grievance.ts';
import { Derived } from './listing.ts';
import { Identified } from './record.ts';
import { DateTimeScalar } from './scalars.ts';
import { Person, User } from './user.ts';

export enum CaseEventType {
  CREATED = 'created',
  UPDATE = 'update',
  INVESTIGATE = 'investigate',
  RECORD_STEP = 'record_step',
  APPEAL = 'appeal',
  NOTE_DATE = 'note_date',
  EXTEND = 'extend',
  TAKE_DEFAULT = 'take_default',
  SETTLE = 'settle',
  CLOSE = 'close',
  SUBMIT = 'submit',
  REVIEW = 'review',
  PAY = 'pay',
  WITHDRAW = 'withdraw',
}

registerEnumType(CaseEventType, {
  name: 'CaseEventType',
  description: 'What happened to a case: a GrievanceAction or a BenevolenceAction, with the same name.',
  valuesConfig: {
    CREATED: { description: 'The case is new.' },
    UPDATE: { description: 'The record or the draft was changed.' },
    INVESTIGATE: { description: 'The investigation of a grievance began.' },
    RECORD_STEP: { description: 'A step meeting of a grievance was recorded.' },
    APPEAL: { description: 'A denied grievance was taken to the next step.' },
    NOTE_DATE: { description: 'The date of a meeting or an answer was added or corrected.' },
    EXTEND: { description: 'A deadline of a grievance was moved or held open.' },
    TAKE_DEFAULT: { description: 'The consequence of a deadline that the employer missed was applied.' },
    SETTLE: { description: 'A grievance ended by a settlement.' },
    CLOSE: { description: 'A grievance ended for another reason.' },
    SUBMIT: { description: 'An application was submitted for review.' },
    REVIEW: { description: 'A review level decided on an application.' },
    PAY: { description: 'The payment of an application was recorded.' },
    WITHDRAW: { description: 'The case was withdrawn.' },
  },
});

export enum CaseStatus {
  OPEN = 'open',
  INVESTIGATION = 'investigation',
  HEARING = 'hearing',
  ARBITRATION = 'arbitration',
  SETTLED = 'settled',
  WITHDRAWN = 'withdrawn',
  CLOSED = 'closed',
  DRAFT = 'draft',
  SUBMITTED = 'submitted',
  UNDER_REVIEW = 'under_review',
  APPROVED = 'approved',
  DENIED = 'denied',
  PAID = 'paid',
}

registerEnumType(CaseStatus, {
  name: 'CaseStatus',
  description: 'The status of a case: a GrievanceStatus or a BenevolenceStatus, with the same name.',
  valuesConfig: {
    OPEN: { description: 'A grievance that was filed, with no action taken yet.' },
    INVESTIGATION: { description: 'A grievance whose facts are being gathered.' },
    HEARING: { description: 'A grievance with step meetings.' },
    ARBITRATION: { description: 'A grievance in arbitration.' },
    SETTLED: { description: 'A grievance that ended by a settlement.' },
    WITHDRAWN: { description: 'A grievance that the union withdrew.' },
    CLOSED: { description: 'A grievance that ended for another reason.' },
    DRAFT: { description: 'An application in preparation.' },
    SUBMITTED: { description: 'An application that awaits the first review of its round.' },
    UNDER_REVIEW: { description: 'An application with a review and no final decision yet.' },
    APPROVED: { description: 'An application that awaits payment.' },
    DENIED: { description: 'A denied application.' },
    PAID: { description: 'A paid application.' },
  },
});

export interface CaseEventFacts {
  action: string;
  fromStatus: string | null;
  toStatus: string;
  actor: Ref<User> | null;
  at: Date;
  note?: string | null;
}

/**
 * One action on a grievance or an application. Together they are its history. Every listening node is notified of each
 * action when its transaction commits.
 */
@ObjectType({ description: 'An action on a grievance or an application.', simpleResolvers: true })
@Entity({ tableName: 'case_events' })
@Check({ name: 'case_events_one_case', expression: 'num_nonnulls(grievance_id, application_id) = 1' })
@Trigger({
  name: 'case_events_tell',
  timing: 'after',
  events: ['insert'],
  forEach: 'row',
  // On one line, because lines are joined in different ways on their way to the database.
  body: [
    `perform pg_notify('${caseChannel}', json_build_object(`,
    `'kind', case when new.grievance_id is null then 'BenevolenceApplication' else 'Grievance' end,`,
    `'id', coalesce(new.grievance_id, new.application_id), 'action', new.action)::text); return null;`,
  ].join(' '),
})
@Index({ properties: ['grievance', 'at', 'id'] })
@Index({ properties: ['application', 'at', 'id'] })
export class CaseEvent extends Identified {
  @ManyToOne({ entity: () => Grievance, ref: true, nullable: true, deleteRule: 'restrict' })
  grievance: Ref<Grievance> | null;

  @ManyToOne({ entity: () => BenevolenceApplication, ref: true, nullable: true, deleteRule: 'restrict' })
  application: Ref<BenevolenceApplication> | null;

  @Field(() => CaseEventType, { description: 'What happened.' })
  @Derived('action')
  get type(): CaseEventType {
    const isFirst =
      this.action === (GrievanceAction.CREATED as string) || this.action === (BenevolenceAction.CREATED as string);
    return isFirst ? CaseEventType.CREATED : (this.action as CaseEventType);
  }

  @Field(() => CaseStatus, { nullable: true, description: 'The status before the event. Null for the first event.' })
  @Derived('fromStatus')
  get statusBefore(): CaseStatus | null {
    return this.fromStatus as CaseStatus | null;
  }

  @Field(() => CaseStatus, { description: 'The status after the event.' })
  @Derived('toStatus')
  get statusAfter(): CaseStatus {
    return this.toStatus as CaseStatus;
  }

  @Field(() => String, {
    description: 'The action in lower case, for example `file`, `record_step`, or `review`.',
    deprecationReason: '2027-06-01: use `type`, whose values are spelled as in the other enums.',
  })
  @Property({ type: 'string', length: 50 })
  action: string;

  @Field(() => String, {
    nullable: true,
    description: 'The status before the action, in lower case. Null for the first event.',
    deprecationReason: '2027-06-01: use `statusBefore`, whose values are spelled as in the other enums.',
  })
  @Property({ type: 'string', length: 50, nullable: true })
  fromStatus: string | null;

  @Field(() => String, {
    description: 'The status after the action, in lower case.',
    deprecationReason: '2027-06-01: use `statusAfter`, whose values are spelled as in the other enums.',
  })
  @Property({ type: 'string', length: 50 })
  toStatus: string;

  @Field(() => Person, {
    nullable: true,
    description: 'The user who acted. Null for imported events and when hidden from the caller.',
  })
  @ManyToOne({ entity: () => User, ref: true, nullable: true, deleteRule: 'restrict', index: true })
  actor: Ref<User> | null;

  @Field(() => DateTimeScalar, { description: 'When the action took place.' })
  @Property({ type: 'datetime', length: 3 })
  at: Date;

  @Field(() => String, {
    nullable: true,
    description:
      'The text entered with the action, such as a reason or a comment. For a submission, the requested ' +
      'amount. Null if there was no text.',
  })
  @Property({ type: 'text', nullable: true })
  note: string | null;

  constructor(
    facts: CaseEventFacts & { grievance?: Ref<Grievance> | null; application?: Ref<BenevolenceApplication> | null },
  ) {
    super();
    this.grievance = facts.grievance ?? null;
    this.application = facts.application ?? null;
    this.action = facts.action;
    this.fromStatus = facts.fromStatus;
    this.toStatus = facts.toStatus;
    this.actor = facts.actor;
    this.at = facts.at;
    this.note = facts.note ?? null;
  }
}
