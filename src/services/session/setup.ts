import type { SqlEntityManager } from '@mikro-orm/postgresql';
import { Field, InputType } from 'type-graphql';
import { RoleName } from '../../entities/role.ts';
import type { UserFacts } from '../../entities/user.ts';
import { badCredentials, badInput, conflict, type Refusal } from '../../errors.ts';
import { demandFacts, hasOwner, makeAccount, takenBy } from './account.ts';
import { recordOwn } from './record.ts';
import { SignedIn, startSession, type Issued } from './start.ts';
import { demandStrength, demandUnbreached } from './strength.ts';
import { tryToken } from './token.ts';
import type { Client, SessionTools } from './tools.ts';

@InputType({ description: 'Who is to own this instance, and the proof that they may.' })
export class SetupOwnerInput {
  @Field(() => String, { description: 'The set-up token that the service printed at its start, and keeps in its config directory.' })
  setupToken!: string;

  @Field(() => String, { description: 'The name to sign in with: 2 to 50 of letters, digits, `.`, `_` and `-`.' })
  username!: string;

  @Field(() => String, { description: 'The e-mail address.' })
  email!: string;

  @Field(() => String, {
    description: 'A password of 8 to 128 characters: not a common one, not the own name or address, and not known from a breach.',
  })
  password!: string;

  @Field(() => String, { description: 'First name.' })
  firstName!: string;

  @Field(() => String, { description: 'Last name.' })
  lastName!: string;
}

/**
 * Makes the owner of an instance that has none, an admin, and signs in. Of any number who try at once, one becomes it.
 * @throws CONFLICT where there is an owner; BAD_CREDENTIALS for a token that is not this instance's; BAD_INPUT; RATE_LIMITED.
 */
export async function setupOwner(em: SqlEntityManager, tools: SessionTools, input: SetupOwnerInput, client: Client): Promise<SignedIn> {
  const proof = await tryToken(em, tools, { action: 'setup_owner', client }, async () => {
    // In this order: whoever becomes the owner takes the token away afterwards.
    const isToken = await tools.setup.isToken(input.setupToken);
    if (await hasOwner(em)) return 'owned';
    return isToken ? 'right' : null;
  });
  if (proof === 'owned') throw alreadyOwned();
  if (proof === null) throw badCredentials();
  const facts = demandFacts(input);
  demandStrength(tools, input.password, facts, 'input.password');
  await demandUnbreached(tools, input.password, 'input.password');
  const passwordHash = await tools.passwords.hash(input.password);
  const issued = await em.transactional((transaction) => found(transaction, tools, { ...facts, passwordHash }, client)).catch(refuseTaken);
  await tools.setup.forget();
  return new SignedIn(issued, tools, false);
}

async function found(
  em: SqlEntityManager,
  tools: SessionTools,
  facts: UserFacts & { readonly passwordHash: string },
  client: Client,
): Promise<Issued> {
  const { id: userId } = await makeAccount(em, { ...facts, role: RoleName.ADMIN, flags: { isOwner: true, isVerified: true } }, tools.now());
  recordOwn(em, tools, { userId }, client, 'setup_owner');
  return startSession(em, tools, { userId, deviceName: null, deviceToken: null }, client);
}

const alreadyOwned = (): Refusal => conflict('This instance is already set up: it has an owner.');

function refuseTaken(error: unknown): never {
  const taken = takenBy(error);
  if (taken === null) throw error;
  throw taken === 'owner' ? alreadyOwned() : badInput({ path: `input.${taken}`, message: 'is taken' });
}
