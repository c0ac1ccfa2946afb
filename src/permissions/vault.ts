import { everyRow } from '../entities/rule.ts';
import { RoleName } from '../entities/role.ts';
import {
  Secret,
  SecretVersion,
  UserKey,
  Vault,
  VaultGrant,
  VaultKey,
  vaultRoles,
  VaultSession,
} from '../entities/vault.ts';
import { allow, noRows, owner, recordedEach, rule, withStepUp, type OperationRules, type Operations } from './rule.ts';

const { ADMIN } = RoleName;
const trusted = allow(...vaultRoles);

export const operations: Operations = {
  Query: eachRecorded({ vault: trusted, secrets: trusted, secret: trusted }),
  Mutation: eachRecorded({
    createVault: withStepUp(owner),
    unlockVault: trusted,
    lockVault: trusted,
    recoverVault: withStepUp(allow(ADMIN)),
    storeSecret: trusted,
    revealSecret: withStepUp(trusted),
    renameSecret: trusted,
    restoreSecretVersion: trusted,
    deleteSecret: trusted,
    grantVaultAccess: withStepUp(trusted),
    revokeVaultAccess: withStepUp(allow(ADMIN)),
    rotateVaultKey: withStepUp(allow(ADMIN)),
  }),
};

const granted = { to: vaultRoles, which: 'all records if they have vault access', see: 'everything' } as const;
const whereGranted = () => 'exists (select 1 from vault_grants g where g.user_id = :user)';

export const rows = [
  rule('Vault', Vault, [{ to: vaultRoles, ...everyRow, see: 'everything' }]),
  rule('Secret', Secret, [{ ...granted, rows: whereGranted }]),
  rule('SecretVersion', SecretVersion, [{ ...granted, rows: whereGranted }]),
  ...[UserKey, VaultGrant, VaultKey, VaultSession].map(noRows),
];

/** Gives every refusal of a signed-in caller an audit event of its own. */
function eachRecorded(rules: OperationRules): OperationRules {
  return Object.fromEntries(Object.entries(rules).map(([name, each]) => [name, recordedEach(each)]));
}
