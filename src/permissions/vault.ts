import { Secret, SecretVersion, UserKey, VaultGrant, VaultKey, VaultSession } from '../entities/vault.ts';
import { noRows } from './rule.ts';

export const rows = [Secret, SecretVersion, UserKey, VaultGrant, VaultKey, VaultSession].map(noRows);
