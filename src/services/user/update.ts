import { ref, type SqlEntityManager } from '@mikro-orm/postgresql';
import { Field, ID, InputType } from 'type-graphql';
import { validate as isUuid } from 'uuid';
import { Member } from '../../entities/member.ts';
import type { User, UserFacts } from '../../entities/user.ts';
import type { Viewer } from '../../entities/viewer.ts';
import { conflict, forbidden, type Refusal } from '../../errors.ts';
import { recordChange } from '../audit/event.ts';
import { mailToken, verificationAge } from '../mail/index.ts';
import { find, refuse, write } from '../record/index.ts';
import { administer, holdUser, isOwn } from './admins.ts';
import { isAnotherAddress } from './email.ts';
import { readFacts, taken, takenProblems } from './facts.ts';
import type { Origin, UserTools } from './tools.ts';

@InputType({ description: 'What changes of a user; what is left out stays.' })
export class UpdateUserInput {
  @Field(() => String, {
    nullable: true,
    description: 'The name to sign in with: 2 to 50 of letters, digits, `.`, `_` and `-`; unique without regard to case.',
  })
  username?: string | null;

  @Field(() => String, {
    nullable: true,
    description: "The e-mail address, which is unverified from then on; the owner's is changed by the owner alone.",
  })
  email?: string | null;

  @Field(() => String, { nullable: true, description: 'First name.' })
  firstName?: string | null;

  @Field(() => String, { nullable: true, description: 'Last name.' })
  lastName?: string | null;

  @Field(() => ID, {
    nullable: true,
    description: 'The member record that the user is linked to, null for none; nobody loosens or changes their own link.',
  })
  memberId?: string | null;
}

/**
 * Changes what a user is called, reached at, and linked to. A new address is unverified: a token goes to it, and the
 * former one is told. Of a new username the user is told too.
 * @returns the user's id.
 * @throws BAD_INPUT naming all that is wrong or taken; NOT_FOUND; FORBIDDEN for the own link to a member record;
 * CONFLICT for the owner's address, with which the account could be taken over.
 */
export async function updateUser(
  em: SqlEntityManager,
  tools: UserTools,
  viewer: Viewer,
  id: string,
  input: UpdateUserInput,
  origin: Origin,
): Promise<string> {
  const { values, problems } = readFacts(em, input);
  const { memberId } = input;
  if (memberId != null && !isUuid(memberId)) problems.push({ path: 'memberId', message: 'must be a UUID' });
  refuse(problems);
  return administer(em, tools, viewer, async (transaction) => {
    const user = await holdUser(transaction, id);
    const refusal = refusalOf(viewer, user, values, memberId?.toLowerCase() ?? memberId);
    if (refusal !== null) return refusal;
    refuse(await takenProblems(transaction, { ...values, memberId }, user.id));
    const former = { username: user.username, email: user.email };
    Object.assign(user, values);
    if (memberId !== undefined) user.member = memberId === null ? null : ref(await find(transaction, Member, memberId, { isPinned: true }));
    if (isAnotherAddress(former.email, user.email)) Object.assign(user, { isVerified: false, isEmailClaimed: false });
    recordChange(transaction, tools, viewer, origin, { action: 'user.update', targetType: 'User', targetId: user.id });
    await write(transaction, taken);
    await tell(transaction, tools, user, former);
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
  em: SqlEntityManager,
  tools: UserTools,
  user: User,
  former: { readonly username: string; readonly email: string },
): Promise<void> {
  const [userId, at] = [user.id, tools.now().toISOString()];
  const hasMoved = isAnotherAddress(former.email, user.email);
  if (user.isInvited) {
    // The earlier invitation went to an address that is the user's no more.
    if (hasMoved) await mailToken(em, tools, { kind: 'invitation', user, lifetime: tools.rules.invitationTtl });
    return;
  }
  if (hasMoved) {
    await mailToken(em, tools, { kind: 'email-verification', user, lifetime: verificationAge });
    await tools.mail.enqueue(em, { kind: 'email-changed', userId, formerEmail: former.email, at });
  }
  if (former.username !== user.username) await tools.mail.enqueue(em, { kind: 'security-alert', userId, alert: 'username-changed', at });
}
