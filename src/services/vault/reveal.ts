import { Field, Int, ObjectType } from 'type-graphql';
import { notFound } from '../../errors.ts';
import { changeEvent } from '../audit/event.ts';
import { insertRows } from '../record/index.ts';
import { withValue, type WantedValue } from './open.ts';
import { decryptValue, demandName, nameProblems } from './record.ts';
import type { Scope } from '../scope.ts';

@ObjectType({ description: 'A secret with its value.' })
export class RevealedSecret {
  @Field(() => String, { description: 'The name of the secret.' })
  keyName: string;

  @Field(() => Int, { description: 'The number of the version.' })
  version: number;

  @Field(() => String, { description: 'The value.' })
  value: string;

  constructor(keyName: string, version: number, value: string) {
    this.keyName = keyName;
    this.version = version;
    this.value = value;
  }
}

/** A value for as long as it is used. */
export interface UsedSecret {
  readonly keyName: string;
  readonly version: number;
  /** The plaintext, which is zeroed afterwards: what is to be kept has to be copied. */
  readonly value: Buffer;
}

/** Answers a secret's value. @throws VAULT_LOCKED; NOT_FOUND. */
export async function revealSecret(scope: Scope, keyName: string, version: number | null): Promise<RevealedSecret> {
  return withSecret(scope, { keyName, version, action: 'secret.reveal' }, ({ value, ...which }) =>
    Promise.resolve(new RevealedSecret(which.keyName, which.version, value.toString('utf8'))),
  );
}

/**
 * Decrypts a value, writes down that it was, and only then lets it be used: where the event cannot be written, nobody is
 * given the value. The plaintext is zeroed afterwards.
 * @throws VAULT_LOCKED; NOT_FOUND; {@link AlteredError} or {ValueError} where what is stored was altered.
 */
export async function withSecret<Done>(
  scope: Scope,
  { action, ...wanted }: WantedValue & { readonly action: string },
  use: (secret: UsedSecret) => Promise<Done>,
): Promise<Done> {
  const keyName = wanted.keyName.trim();
  // What is no name is looked for under none: whether the vault is open is told first.
  const asked = nameProblems(keyName, 'keyName').length > 0 ? '' : keyName;
  const held: { value?: Buffer } = {};
  try {
    const found = await withValue(scope, { keyName: asked, version: wanted.version }, async ({ vaultId, keys }, stored) => {
      demandName(keyName, 'keyName');
      if (stored === null) throw notFound();
      held.value = decryptValue(vaultId, keys, stored);
      const change = { action, targetType: 'Secret', targetId: stored.secretId };
      await insertRows(scope, [changeEvent(scope, change)]);
      return { keyName: stored.keyName, version: stored.version, value: held.value };
    });
    return await use(found);
  } finally {
    held.value?.fill(0);
  }
}
