import { Field, InputType } from 'type-graphql';
import { foldCase } from '../../entities/identifier.ts';
import { RoleName } from '../../entities/role.ts';
import type { UserFacts } from '../../entities/user.ts';
import { badInput, forbidden } from '../../errors.ts';
import { networkOf, takeAttempt } from '../limit.ts';
import { mailToken, verificationAge } from '../mail/index.ts';
import { demandFacts, makeAccount, takenBy, NewAccountInput } from './new-account.ts';
import { recordOwn } from '../audit/record-own.ts';
import { demandStrength, demandUnbreached } from '../proof/password-strength.ts';
import type { Scope } from '../scope.ts';

@InputType({ description: 'An account to register.' })
export class RegisterInput extends NewAccountInput {
  @Field(() => String, {
    description:
      'The username for login: 2 to 50 characters from A–Z, a–z, 0–9, `.`, `_`, and `-`. Unique, ' +
      'ignoring case. Admins and officers can see it.',
  })
  username!: string;

  @Field(() => String, {
    description: 'The e-mail address that receives the verification token.',
  })
  email!: string;
}

/**
 * Creates an account with the role member and without a member record. It has no rights until its address is verified.
 * Until then the address is only a claim, so the answer does not reveal whether another account has it; the owner of
 * that account gets a mail.
 * @returns true.
 * @throws FORBIDDEN if registration is closed; BAD_INPUT, also if the username is taken; RATE_LIMITED.
 */
export async function register(scope: Scope, input: RegisterInput): Promise<true> {
  if (!scope.rules.isRegistrationOpen) throw forbidden('Registration is closed. Ask an administrator for an account.');
  const facts = demandFacts(input);
  demandStrength(scope, input.password, facts, 'input.password');
  await takeAttempt(scope, 'register', networkOf(scope.client.ipAddress));
  await takeAttempt(scope, 'mail-account', foldCase(facts.email));
  await demandUnbreached(scope, input.password, 'input.password');
  const passwordHash = await scope.passwords.hash(input.password);
  try {
    await scope.transaction((tx) => enrol(tx, { ...facts, passwordHash }));
  } catch (error) {
    if (takenBy(error) === 'username') throw badInput({ path: 'input.username', message: 'is taken' });
    throw error;
  }
  return true;
}

async function enrol(scope: Scope, facts: UserFacts & { readonly passwordHash: string }): Promise<void> {
  const user = await makeAccount(
    scope,
    { ...facts, role: RoleName.MEMBER, flags: { isSelfRegistered: true } },
    scope.now(),
  );
  await mailToken(scope, { kind: 'email-verification', user, lifetime: verificationAge });
  recordOwn(scope, { userId: user.id }, 'register');
}
