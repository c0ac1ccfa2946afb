import { beforeAll, describe, expect, it } from '@jest/globals';
import { aLocal, type Local } from './support/local.ts';
import { idOf, Keeper, password, withVault } from './vault.kit.ts';

let local: Local;
let owner: Keeper;
let recoveryKit: string;

beforeAll(async () => {
  local = await aLocal();
  ({ owner, recoveryKit } = await withVault(local));
});

describe('smoke', () => {
  it('stores and reveals', async () => {
    expect(await owner.ask('vault')).toMatchObject({ codes: [] });
    expect(await owner.store('bank', 'first')).toMatchObject({ version: 1 });
    expect(await owner.store('bank', 'second', { description: 'd' })).toMatchObject({ version: 2 });
    expect(await owner.reveal('bank')).toBe('second');
    expect(await owner.reveal('bank', 1)).toBe('first');
    expect(await owner.see('renameSecret', { keyName: 'bank', newKeyName: 'Bank 2' })).toMatchObject({ version: 2 });
    expect(await owner.reveal('Bank 2', 1)).toBe('first');
    expect(await owner.see('restoreSecretVersion', { keyName: 'Bank 2', version: 1 })).toMatchObject({ version: 3 });
    expect(await owner.reveal('Bank 2')).toBe('first');
    console.log(JSON.stringify(await owner.see('secrets')));
    await local.officer.token();
    console.log(JSON.stringify(await owner.ask('grantVaultAccess', { userId: await idOf(local, 'officer') })));
    const officer = Keeper.of(local.officer);
    await officer.unlock();
    expect(await officer.reveal('Bank 2')).toBe('first');
    console.log(JSON.stringify(await owner.ask('rotateVaultKey')));
    expect(await owner.reveal('Bank 2')).toBe('first');
    expect(await officer.reveal('Bank 2')).toBe('VAULT_LOCKED');
    await officer.unlock();
    expect(await officer.reveal('Bank 2')).toBe('first');
    console.log(JSON.stringify(await owner.ask('revokeVaultAccess', { userId: await idOf(local, 'officer') })));
    console.log(JSON.stringify(await officer.ask('unlockVault', { password })));
    console.log(JSON.stringify(await owner.ask('recoverVault', { password, recoveryKit })));
    console.log(JSON.stringify(await owner.ask('deleteSecret', { keyName: 'Bank 2' })));
    console.log(JSON.stringify(await local.sql(`select action, outcome, reason from audit_events order by id`, [])));
    console.log(JSON.stringify(await local.sql(`select version, state from vault_keys order by version`, [])));
  });
});
