import { Field, InputType } from 'type-graphql';
import { RoleName } from '../../entities/role.ts';
import type { UserFacts } from '../../entities/user.ts';
import { badCredentials, badInput, conflict, type Refusal } from '../../errors.ts';
import { demandFacts, hasOwner, makeAccount, takenBy, NewAccountInput } from './new-account.ts';
import { recordOwn } from '../audit/record-own.ts';
import { SignedIn, startSession, type IssuedSession } from '../sign-in/start-session.ts';
import { demandStrength, demandUnbreached } from '../proof/password-strength.ts';
import { tryToken } from '../proof/token-attempt.ts';
import type { Scope } from '../scope.ts';

@InputType({ description: 'The owner account to create and the setup token.' })
export class SetupOwnerInput extends NewAccountInput {
  @Field(() => String, {
    description: 'The setup token that the service prints at startup and stores in its config directory.',
  })
  setupToken!: string;

  @Field(() => String, {
    description: 'The username for login: 2 to 50 characters from A–Z, a–z, 0–9, `.`, `_`, and `-`.',
  })
  username!: string;

  @Field(() => String, { description: 'The e-mail address.' })
  email!: string;
}

/**
 * Creates the owner of an instance that has none, as an admin, and signs in. Of concurrent calls, one succeeds.
 * @throws CONFLICT if there is an owner; BAD_CREDENTIALS if the token is not this instance's; BAD_INPUT; RATE_LIMITED.
 */
export async function setupOwner(scope: Scope, input: SetupOwnerInput): Promise<SignedIn> {
  const proof = await tryToken(scope, 'setup_owner', async () => {
    // In this order, because the token is removed once there is an owner.
    const isToken = await scope.setup.isToken(input.setupToken);
    if (await hasOwner(scope)) return 'owned';
    return isToken ? 'right' : null;
  });
  if (proof === 'owned') throw alreadyOwned();
  if (proof === null) throw badCredentials();
  const facts = demandFacts(input);
  demandStrength(scope, input.password, facts, 'input.password');
  await demandUnbreached(scope, input.password, 'input.password');
  const passwordHash = await scope.passwords.hash(input.password);
  const issued = await scope.transaction((tx) => found(tx, { ...facts, passwordHash })).catch(refuseTaken);
  await scope.setup.forget();
  return new SignedIn(issued, scope, false);
}

async function found(scope: Scope, facts: UserFacts & { readonly passwordHash: string }): Promise<IssuedSession> {
  const { id: userId } = await makeAccount(
    scope,
    { ...facts, role: RoleName.ADMIN, flags: { isOwner: true, isVerified: true } },
    scope.now(),
  );
  recordOwn(scope, { userId }, 'setup_owner');
  return startSession(scope, { userId, deviceName: null, deviceToken: null });
}

const alreadyOwned = (): Refusal => conflict('This instance is already set up: it has an owner.');

function refuseTaken(error: unknown): never {
  const taken = takenBy(error);
  if (taken === null) throw error;
  throw taken === 'owner' ? alreadyOwned() : badInput({ path: `input.${taken}`, message: 'is taken' });
}
