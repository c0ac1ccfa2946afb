import type { Actor, Answer, Local } from './support/local.ts';

/** The responses of the vault's operations by name. */
export interface Answers {
  createVault: { recoveryKit: string; vault: VaultAnswer };
  unlockVault: { vaultToken: string; expiresIn: number };
  recoverVault: { vaultToken: string; expiresIn: number };
  lockVault: VaultAnswer;
  vault: VaultAnswer | null;
  secrets: SecretAnswer[] | null;
  secret: SecretAnswer | null;
  storeSecret: SecretAnswer;
  revealSecret: { keyName: string; version: number; value: string };
  renameSecret: SecretAnswer;
  restoreSecretVersion: SecretAnswer;
  deleteSecret: SecretAnswer;
  grantVaultAccess: VaultAnswer;
  revokeVaultAccess: VaultAnswer;
  rotateVaultKey: VaultAnswer;
}

export interface VaultAnswer {
  isUnlocked: boolean;
  keyVersion: number;
  secretCount: number;
  rewrapsLeft: number;
  grantees: { userId: string; fullName: string }[];
}

export interface SecretAnswer {
  id: string;
  keyName: string;
  description: string | null;
  version: number;
  versions: { version: number; createdAt: string; createdBy: { fullName: string } | null }[];
  updatedBy: { fullName: string } | null;
}

const vault = '{ isUnlocked keyVersion secretCount rewrapsLeft grantees { userId fullName } }';
const secret =
  '{ id keyName description version versions { version createdAt createdBy { fullName } } createdAt updatedAt updatedBy { fullName } }';
const token = '{ vaultToken expiresIn }';

/** The documents of all operations of the vault. */
export const asks = {
  createVault: `mutation ($password: String!) { createVault(password: $password) { recoveryKit vault ${vault} } }`,
  unlockVault: `mutation ($password: String!, $code: String) { unlockVault(password: $password, code: $code) ${token} }`,
  recoverVault: `mutation ($recoveryKit: String!, $password: String!) { recoverVault(recoveryKit: $recoveryKit, password: $password) ${token} }`,
  lockVault: `mutation { lockVault ${vault} }`,
  vault: `{ vault ${vault} }`,
  secrets: `{ secrets ${secret} }`,
  secret: `query ($keyName: String!) { secret(keyName: $keyName) ${secret} }`,
  storeSecret: `mutation ($input: StoreSecretInput!) { storeSecret(input: $input) ${secret} }`,
  revealSecret: `mutation ($keyName: String!, $version: Int) { revealSecret(keyName: $keyName, version: $version) { keyName version value } }`,
  renameSecret: `mutation ($keyName: String!, $newKeyName: String!) { renameSecret(keyName: $keyName, newKeyName: $newKeyName) ${secret} }`,
  restoreSecretVersion: `mutation ($keyName: String!, $version: Int!) { restoreSecretVersion(keyName: $keyName, version: $version) ${secret} }`,
  deleteSecret: `mutation ($keyName: String!) { deleteSecret(keyName: $keyName) ${secret} }`,
  grantVaultAccess: `mutation ($userId: ID!) { grantVaultAccess(userId: $userId) ${vault} }`,
  revokeVaultAccess: `mutation ($userId: ID!) { revokeVaultAccess(userId: $userId) ${vault} }`,
  rotateVaultKey: `mutation { rotateVaultKey ${vault} }`,
} as const satisfies Record<keyof Answers, string>;

export type Operation = keyof typeof asks;

/** The response, with the codes of a refusal. */
export interface Given<Name extends Operation> {
  readonly codes: readonly string[];
  readonly is: Answers[Name];
  readonly errors: Answer['errors'];
  readonly requestId: string | null;
}

export const password = 'unionhall-dev';

type Asking = <Data>(query: string, variables: object, headers: Record<string, string>) => Promise<Answer<Data>>;

/** A user of the vault, with the token of the latest unlock. */
export class Keeper {
  vaultToken: string | null = null;

  constructor(
    private readonly asking: Asking,
    public password: string,
  ) {}

  static of(actor: Actor): Keeper {
    return new Keeper((query, variables, headers) => actor.ask(query, variables, headers), password);
  }

  async ask<Name extends Operation>(name: Name, variables: object = {}, vaultToken: string | null = this.vaultToken): Promise<Given<Name>> {
    const headers: Record<string, string> = vaultToken === null ? {} : { 'x-vault-token': vaultToken };
    const { data, codes, errors, headers: answered } = await this.asking<Answers>(asks[name], variables, headers);
    return { codes, is: (data as Answers | null)?.[name] as Answers[Name], errors, requestId: answered.get('x-request-id') };
  }

  /** Sends a request that does not concern the vault. */
  put<Data>(query: string, variables: object = {}): Promise<Answer<Data>> {
    return this.asking<Data>(query, variables, {});
  }

  /** Sends a request that must succeed. */
  async see<Name extends Operation>(name: Name, variables: object = {}): Promise<Answers[Name]> {
    const { is, errors } = await this.ask(name, variables);
    if (errors.length > 0) throw new Error(`${name} was refused: ${JSON.stringify(errors)}`);
    return is;
  }

  /** Unlocks the vault, and keeps the token. */
  async unlock(): Promise<string> {
    const { vaultToken } = await this.see('unlockVault', { password: this.password });
    this.vaultToken = vaultToken;
    return vaultToken;
  }

  store(keyName: string, value: string, more: object = {}): Promise<Answers['storeSecret']> {
    return this.see('storeSecret', { input: { keyName, value, ...more } });
  }

  /** Returns the value, or the code of the refusal. */
  async reveal(keyName: string, version?: number): Promise<string> {
    const { is, codes } = await this.ask('revealSecret', { keyName, version });
    return codes[0] ?? is.value;
  }
}

/** Returns a local whose admin owns it and has created and unlocked the vault, and the recovery kit. */
export async function withVault(local: Local): Promise<{ owner: Keeper; recoveryKit: string }> {
  await local.sql(`update users set is_owner = true where username = 'admin'`, []);
  const owner = Keeper.of(local.admin);
  const { recoveryKit } = await owner.see('createVault', { password });
  await owner.unlock();
  return { owner, recoveryKit };
}

/** Returns the id of a seeded user. */
export async function idOf(local: Pick<Local, 'sql'>, username: string): Promise<string> {
  const [row] = await local.sql('select id from users where username = $1', [username]);
  return row?.['id'] as string;
}
