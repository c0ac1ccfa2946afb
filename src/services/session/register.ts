import type { SqlEntityManager } from '@mikro-orm/postgresql';
import { Field, InputType } from 'type-graphql';
import { foldCase } from '../../entities/identifier.ts';
import { RoleName } from '../../entities/role.ts';
import type { UserFacts } from '../../entities/user.ts';
import { badInput, forbidden } from '../../errors.ts';
import { networkOf, takeTurn } from '../limit.ts';
import { mailToken, verificationAge } from '../mail/index.ts';
import { demandFacts, makeAccount, takenBy } from './account.ts';
import { recordOwn } from './record.ts';
import { demandStrength, demandUnbreached } from './strength.ts';
import type { Client, SessionTools } from './tools.ts';

@InputType({ description: 'Who wants an account.' })
export class RegisterInput {
  @Field(() => String, {
    description: 'The name to sign in with, which others may come to see: 2 to 50 of letters, digits, `.`, `_` and `-`.',
  })
  username!: string;

  @Field(() => String, {
    description: 'The e-mail address. A mail to it brings a token; until that is given back, the account may nothing else.',
  })
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
 * Makes an account of role member, without a member record, that may nothing until its address is verified. Until then
 * the address is a mere claim, so that nothing tells whether another account has it: whoever has it is told by mail.
 * @returns true.
 * @throws FORBIDDEN where registration is closed; BAD_INPUT, also for a username that is taken; RATE_LIMITED.
 */
export async function register(em: SqlEntityManager, tools: SessionTools, input: RegisterInput, client: Client): Promise<true> {
  if (!tools.rules.isRegistrationOpen) throw forbidden('Registration is closed. Ask an administrator for an account.');
  const facts = demandFacts(input);
  demandStrength(tools, input.password, facts, 'input.password');
  await takeTurn(em, tools, 'register', networkOf(client.ipAddress));
  await takeTurn(em, tools, 'mail-account', foldCase(facts.email));
  await demandUnbreached(tools, input.password, 'input.password');
  const passwordHash = await tools.passwords.hash(input.password);
  try {
    await em.transactional((transaction) => enrol(transaction, tools, { ...facts, passwordHash }, client));
  } catch (error) {
    if (takenBy(error) === 'username') throw badInput({ path: 'input.username', message: 'is taken' });
    throw error;
  }
  return true;
}

async function enrol(
  em: SqlEntityManager,
  tools: SessionTools,
  facts: UserFacts & { readonly passwordHash: string },
  client: Client,
): Promise<void> {
  const user = await makeAccount(em, { ...facts, role: RoleName.MEMBER, flags: { isSelfRegistered: true } }, tools.now());
  await mailToken(em, tools, { kind: 'email-verification', user, lifetime: verificationAge });
  recordOwn(em, tools, { userId: user.id }, client, 'register');
}
