import { Field, Int, ObjectType } from 'type-graphql';
import { notFound } from '../../errors.ts';
import { changeEvent } from '../audit/event.ts';
import { insertRows } from '../record/index.ts';
import { withValue, type ValueSelector } from './open.ts';
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

/** A decrypted value for the duration of its use. */
export interface UsedSecret {
  readonly keyName: string;
  readonly version: number;
  /** The plaintext, which is zeroed afterwards. Copy what must be kept. */
  readonly value: Buffer;
}

/** Returns a secret's value. @throws VAULT_LOCKED; NOT_FOUND. */
export async function revealSecret(scope: Scope, keyName: string, version: number | null): Promise<RevealedSecret> {
  return withSecret(scope, { keyName, version, action: 'secret.reveal' }, ({ value, ...which }) =>
    Promise.resolve(new RevealedSecret(which.keyName, which.version, value.toString('utf8'))),
  );
}

/**
 * Decrypts a value, records the use, and only then runs `use`. If the event cannot be written, nobody gets the value.
 * Zeroes the plaintext afterwards.
 * @throws VAULT_LOCKED; NOT_FOUND; {@link AlteredError} or {ValueError} if stored data was altered.
 */
export async function withSecret<Done>(
  scope: Scope,
  { action, ...wanted }: ValueSelector & { readonly action: string },
  use: (secret: UsedSecret) => Promise<Done>,
): Promise<Done> {
  const keyName = wanted.keyName.trim();
  // An invalid name is looked up as an empty one, so that a locked vault is reported first.
  const asked = nameProblems(keyName, 'keyName').length > 0 ? '' : keyName;
  const held: { value?: Buffer } = {};
  try {
    const found = await withValue(
      scope,
      { keyName: asked, version: wanted.version },
      async ({ vaultId, keys }, stored) => {
        demandName(keyName, 'keyName');
        if (stored === null) throw notFound();
        held.value = decryptValue(vaultId, keys, stored);
        const change = { action, targetType: 'Secret', targetId: stored.secretId };
        await insertRows(scope, [changeEvent(scope, change)]);
        return { keyName: stored.keyName, version: stored.version, value: held.value };
      },
    );
    return await use(found);
  } finally {
    held.value?.fill(0);
  }
}
