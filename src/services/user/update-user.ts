import { isAnotherAddress } from '../../entities/identifier.ts';
import { ref } from '@mikro-orm/postgresql';
import { Field, ID, InputType } from 'type-graphql';
import { validate as isUuid } from 'uuid';
import { Member } from '../../entities/member.ts';
import type { User, UserFacts } from '../../entities/user.ts';
import type { Viewer } from '../../entities/viewer.ts';
import { conflict, forbidden, type Refusal } from '../../errors.ts';
import { recordChange } from '../audit/event.ts';
import { mailToken, verificationAge } from '../mail/index.ts';
import { findVisible, assertNoProblems, flush } from '../record/index.ts';
import { administer, holdUser, isOwn } from './admin-guard.ts';
import { readFacts, taken, takenProblems } from './user-facts.ts';
import type { Scope } from '../scope.ts';

@InputType({ description: 'Changes to a user account. Omitted fields keep their values.' })
export class UpdateUserInput {
  @Field(() => String, {
    nullable: true,
    description:
      'The username for login: 2 to 50 characters from A–Z, a–z, 0–9, `.`, `_`, and `-`. Unique, ignoring case. Must not be null.',
  })
  username?: string | null;

  @Field(() => String, {
    nullable: true,
    description:
      'The e-mail address. A new address starts unverified. Only the owner can change the address of the owner. Must not be null.',
  })
  email?: string | null;

  @Field(() => String, { nullable: true, description: 'The first name. At most 100 characters. Must not be null.' })
  firstName?: string | null;

  @Field(() => String, { nullable: true, description: 'The last name. At most 100 characters. Must not be null.' })
  lastName?: string | null;

  @Field(() => ID, {
    nullable: true,
    description:
      'The id of the linked member record. Null removes the link. Callers cannot change or remove their own link.',
  })
  memberId?: string | null;
}

/**
 * Changes a user's names, address and member. A new address is unverified: a token goes to it, and the former address
 * gets a mail. The user is also notified of a new username by mail.
 * @returns the user's id.
 * @throws BAD_INPUT with every problem, including taken values; NOT_FOUND; FORBIDDEN for the caller's own link to a
 * member record; CONFLICT for the owner's address, which could be used to take over the account.
 */
export async function updateUser(scope: Scope, id: string, input: UpdateUserInput): Promise<string> {
  const { values, problems } = readFacts(scope, input);
  const { memberId } = input;
  if (memberId != null && !isUuid(memberId)) problems.push({ path: 'memberId', message: 'must be a UUID' });
  assertNoProblems(problems);
  return administer(scope, async (tx) => {
    const user = await holdUser(tx, id);
    const refusal = refusalOf(scope.viewer, user, values, memberId?.toLowerCase() ?? memberId);
    if (refusal !== null) return refusal;
    assertNoProblems(await takenProblems(tx, { ...values, memberId }, user.id));
    const former = { username: user.username, email: user.email };
    Object.assign(user, values);
    if (memberId !== undefined)
      user.member = memberId === null ? null : ref(await findVisible(tx, Member, memberId, { isPinned: true }));
    if (isAnotherAddress(former.email, user.email)) Object.assign(user, { isVerified: false, isEmailClaimed: false });
    recordChange(tx, { action: 'user.update', targetType: 'User', targetId: user.id });
    await flush(tx, taken);
    await tell(tx, user, former);
    return user.id;
  });
}

function refusalOf(
  viewer: Viewer,
  user: User,
  { email = user.email }: Partial<UserFacts>,
  memberId: string | null | undefined,
): Refusal | null {
  const isOneself = isOwn(viewer, user.id);
  if (user.isOwner && !isOneself && isAnotherAddress(user.email, email))
    return conflict("Only the owner can change the owner's e-mail address.", 'owner');
  const loosens = memberId !== undefined && user.member !== null && user.member.id !== memberId;
  return isOneself && loosens ? forbidden('You cannot change or remove the link to your own member record.') : null;
}

async function tell(
  scope: Scope,
  user: User,
  former: { readonly username: string; readonly email: string },
): Promise<void> {
  const [userId, at] = [user.id, scope.now().toISOString()];
  const hasMoved = isAnotherAddress(former.email, user.email);
  if (user.isInvited) {
    // The earlier invitation went to an address that is no longer the user's.
    if (hasMoved) await mailToken(scope, { kind: 'invitation', user, lifetime: scope.rules.invitationTtl });
    return;
  }
  if (hasMoved) {
    await mailToken(scope, { kind: 'email-verification', user, lifetime: verificationAge });
    await scope.mail.enqueue(scope.em, { kind: 'email-changed', userId, formerEmail: former.email, at });
  }
  if (former.username !== user.username)
    await scope.mail.enqueue(scope.em, { kind: 'security-alert', userId, alert: 'username-changed', at });
}
