import type { Collection, Ref } from '@mikro-orm/core';
import { ObjectType } from 'type-graphql';
import { conflict, type Refusal } from '../errors.ts';
import type { CaseEvent, CaseEventFacts } from './case-event.ts';
import { Versioned } from './record.ts';
import type { User } from './user.ts';

/** The actor and the time of an action on a case. */
export interface ActionContext {
  /** Null for imported records. */
  actor: Ref<User> | null;
  at: Date;
  /** The current day in the union's time zone, as `YYYY-MM-DD`. */
  today: string;
}

/**
 * The time of a change to a case. Always later than the previous one, so that the version increases even if no other
 * column changes.
 */
export const changedBy = (context: Pick<ActionContext, 'at'>, before: Date): Date =>
  new Date(Math.max(context.at.valueOf(), before.valueOf() + 1));

/** The database channel for notifications about changes of cases. */
export const caseChannel = 'unionhall_case_events';

/** A change of a case in a notification. Contains no text of the case. */
export interface CaseChange {
  readonly kind: 'Grievance' | 'BenevolenceApplication';
  readonly id: string;
  readonly action: string;
}

/** A record with a status, whose actions depend on that status and make up its history. */
@ObjectType()
export abstract class Case<Status extends string, Action extends string> extends Versioned {
  abstract status: Status;

  abstract readonly history: Collection<CaseEvent>;

  /** The word for the case in messages. */
  protected abstract get noun(): string;

  /** The words for its state in messages. */
  protected get situation(): string {
    return this.status;
  }

  /** The actions that its state allows. @param today the current day, as `YYYY-MM-DD`. */
  protected abstract allowedOn(today: string): readonly Action[];

  protected abstract eventOf(facts: CaseEventFacts): CaseEvent;

  /** @throws CONFLICT if the state of the case does not allow the action, or the version is outdated. */
  demand(action: Action, version: number | null | undefined, today: string): void {
    if (version != null && version !== this.version)
      throw this.conflict(`The ${this.noun} has changed since that version. Read it again.`, today);
    if (!this.allowedOn(today).includes(action)) throw this.refusal(today);
  }

  /** Applies a change that the state allows, and adds it to the history with the note that it returns. */
  protected take(action: Action, context: ActionContext, change: () => string | null | undefined | void): void {
    this.demand(action, null, context.today);
    const fromStatus = this.status;
    const note = change();
    this.updatedAt = changedBy(context, this.updatedAt);
    this.record(action, fromStatus, context, note ?? null);
  }

  protected record(
    action: Action,
    fromStatus: Status | null,
    { actor, at }: ActionContext,
    note: string | null = null,
  ) {
    this.history.add(this.eventOf({ action, fromStatus, toStatus: this.status, actor, at, note }));
  }

  protected refusal(today: string): Refusal {
    return this.conflict(`The status of the ${this.noun} is ${this.situation}, which does not allow this.`, today);
  }

  /** Creates a CONFLICT error with the status of the case and the actions that it allows. */
  protected conflict(message: string, today: string): Refusal {
    const allowed = this.allowedOn(today).map((action) => action.toUpperCase());
    return conflict(message, this.status.toUpperCase(), allowed);
  }
}
