import { Field, InputType, Int } from 'type-graphql';
import { isLonger } from '../../entities/text.ts';
import { Secret } from '../../entities/vault.ts';
import { User } from '../../entities/user.ts';
import { assertValid, conflict } from '../../errors.ts';
import { recordChange } from '../audit/event.ts';
import { withVault } from './open.ts';
import { addVersion, nameProblems } from './record.ts';
import { holdVault, writeState } from './state.ts';
import type { Scope } from '../scope.ts';

@InputType({ description: 'A secret to store.' })
export class StoreSecretInput {
  @Field(() => String, {
    description: 'The name of the secret, 1 to 200 characters. An existing secret gets a new version.',
  })
  keyName!: string;

  @Field(() => String, { description: 'The value: up to 64 KiB of text.' })
  value!: string;

  @Field(() => String, {
    nullable: true,
    description: 'The purpose of the secret. At most 1,000 characters. Omit it to keep the current text.',
  })
  description?: string | null;

  @Field(() => Int, {
    nullable: true,
    description:
      'The expected latest version, 0 for a new secret. Fails with CONFLICT if the latest version is different.',
  })
  expectedVersion?: number | null;
}

const maxBytes = 65_536;

/**
 * Stores a value: a new secret, or a new version of an existing one. Deletes the oldest versions beyond the limit.
 * @returns the secret's name as it is stored.
 * @throws VAULT_LOCKED; BAD_INPUT with every problem; CONFLICT if the expected version is not the current one.
 */
export async function storeSecret(scope: Scope, input: StoreSecretInput): Promise<string> {
  return scope.transaction(async (tx) => {
    await holdVault(tx);
    return withVault(tx, async (vault) => {
      const { keyName, plaintext, description } = read(input);
      try {
        const found = await tx.em.findOne(Secret, { keyName }, { filters: false });
        demandExpected(input.expectedVersion ?? null, found?.version ?? 0);
        const updatedBy = tx.em.getReference(User, vault.userId, { wrapped: true });
        const at = scope.now();
        const secret = found ?? Object.assign(new Secret({ keyName, updatedBy }), { createdAt: at, updatedAt: at });
        if (found !== null) Object.assign(secret, { version: secret.version + 1, updatedBy, updatedAt: at });
        if (description !== undefined) secret.description = description;
        tx.em.persist(secret);
        await tx.em.flush();
        await addVersion(tx, vault, secret, { plaintext, at, versionsKept: scope.vault.versionsKept });
        recordChange(tx, { action: 'secret.store', targetType: 'Secret', targetId: secret.id });
        await writeState(tx, vault, vault.keys);
        return keyName;
      } finally {
        plaintext.fill(0);
      }
    });
  });
}

function demandExpected(expected: number | null, current: number): void {
  if (expected === null || expected === current) return;
  throw conflict(
    current === 0 ? 'The secret does not exist yet.' : 'The secret has another version now. Read it again.',
    `version ${current}`,
  );
}

function read(input: StoreSecretInput): { keyName: string; plaintext: Buffer; description: string | null | undefined } {
  const keyName = input.keyName.trim();
  const text = input.description?.trim();
  const problems = nameProblems(keyName, 'input.keyName');
  if (input.value === '' || Buffer.byteLength(input.value, 'utf8') > maxBytes)
    problems.push({ path: 'input.value', message: `must have 1 to ${maxBytes} bytes` });
  // A lone surrogate would be stored as another character.
  if (/\p{Surrogate}/u.test(input.value)) problems.push({ path: 'input.value', message: 'must be valid Unicode text' });
  if (text !== undefined && (isLonger(text, 1000) || /\p{Surrogate}/u.test(text)))
    problems.push({ path: 'input.description', message: 'must have at most 1,000 characters' });
  assertValid(problems);
  return {
    keyName,
    plaintext: Buffer.from(input.value, 'utf8'),
    description: input.description === undefined ? undefined : text || null,
  };
}
