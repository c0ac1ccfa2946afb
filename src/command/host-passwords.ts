import { RoleName } from '../entities/role.ts';
import { User, type UserFacts } from '../entities/user.ts';
import { Viewer } from '../entities/viewer.ts';
import { Refusal } from '../errors.ts';
import { demandFacts, hasOwner, makeAccount, takenBy } from '../services/account/new-account.ts';
import { replacePassword } from '../services/account/replace-password.ts';
import { hostClient, recordChange } from '../services/audit/event.ts';
import { voidPair } from '../services/proof/stored-pair.ts';
import { demandStrength, demandUnbreached } from '../services/proof/password-strength.ts';
import type { Scope } from '../services/scope.ts';
import { changeByName, UserError } from '../services/user/host-commands.ts';
import { forgetFailures } from '../services/user/unlock-user.ts';

/** The parts of a scope that commands with passwords need. */
export type PasswordScope = Pick<Scope, 'em' | 'keyring' | 'passwords' | 'rules' | 'breached' | 'mail' | 'now'>;

/**
 * Creates the owner of an instance that has none, without a set-up token.
 * @throws {UserError} if there is an owner, or the facts or the password are refused.
 */
export async function createOwner(scope: PasswordScope, facts: UserFacts, password: string): Promise<void> {
  await inHostWords(async () => {
    const valid = demandFacts(facts);
    if (await hasOwner(scope)) throw new UserError('This instance already has an owner.');
    const passwordHash = await newHash(scope, password, valid);
    await scope.em.transactional(async (em) => {
      const inner = { ...scope, em, viewer: Viewer.anonymous, client: hostClient() };
      const account = { ...valid, passwordHash, role: RoleName.ADMIN, flags: { isOwner: true, isVerified: true } };
      const { id } = await makeAccount(inner, account, scope.now());
      recordChange(inner, { action: 'setup_owner', targetType: 'User', targetId: id });
    });
  });
}

/**
 * Sets a temporary password, which the user must change after the next sign-in. Ends all sessions, and takes away the
 * user's vault access, as a reset does.
 * @throws {UserError} if no active user has that name, or the password is refused.
 */
export async function setPasswordByName(scope: PasswordScope, username: string, password: string): Promise<void> {
  await inHostWords(() =>
    changeByName(scope, { username, action: 'user.set_password' }, async (inner, user) => {
      if (!user.isActive)
        throw new UserError(`${user.username} is deactivated. Ask an administrator to reactivate the account first.`);
      const passwordHash = await newHash(inner, password, user);
      await replacePassword(inner, { userId: user.id, passwordHash, instead: null });
      await inner.em.nativeUpdate(User, { id: user.id }, { passwordMustChange: true }, { filters: false });
      await forgetFailures(inner, user.id);
      await voidPair(inner, user.id);
    }),
  );
}

async function newHash(scope: Omit<PasswordScope, 'em'>, password: string, owner: UserFacts): Promise<string> {
  demandStrength(scope, password, owner, 'password');
  await demandUnbreached(scope, password, 'password');
  return scope.passwords.hash(password);
}

/** Turns a refusal into a message for the operator. */
async function inHostWords(work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    const taken = takenBy(error);
    if (taken !== null)
      throw new UserError(taken === 'owner' ? 'This instance already has an owner.' : `The ${taken} is taken.`);
    throw error instanceof Refusal ? new UserError(error.message.replaceAll('input.', '')) : error;
  }
}
