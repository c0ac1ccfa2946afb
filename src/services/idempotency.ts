import { createHash } from 'node:crypto';
import { getArgumentValues, type GraphQLResolveInfo } from 'graphql';
import { sqlAfter, sqlNow } from '../entities/clock.ts';
import { conflict, Refusal } from '../errors.ts';
import { frame } from './crypto/framing.ts';
import type { Keyring } from './crypto/keyring.ts';
import type { EntityScope } from './scope.ts';

/** The hours for which a key identifies a retry. */
const hours = 24;

/** The parts of a scope that idempotency needs. */
export interface RetryTools {
  readonly keyring: Keyring;
  readonly now: () => Date;
}

/** The key of a request, and the user who sent it. */
export interface RequestKey {
  readonly userId: string;
  readonly key: string;
}

/** The selected field of the mutation with its arguments. */
export type SelectedMutation = Pick<GraphQLResolveInfo, 'fieldName' | 'fieldNodes' | 'parentType' | 'variableValues'>;

/** Describes a mutation that creates a record once per idempotency key. */
export const creating = (description: string): { readonly description: string } => ({
  description: `${description} Supports the \`idempotency-key\` header.`,
});

/** Whether a header is a valid key: 1 to 255 visible ASCII characters. */
export const isIdempotencyKey = (header: string): boolean => /^[\x21-\x7e]{1,255}$/.test(header);

/**
 * Creates a record, or finds the one that an earlier request with the same key created. One transaction writes the key
 * and the record. So of concurrent attempts on any number of nodes one creates it, and the others wait for it. A failed
 * attempt leaves no key behind.
 * @param make creates the record with the transaction's entity manager and returns its id.
 * @returns the id, whether it was created now or before. The caller decides what of the record is visible.
 * @throws CONFLICT if the key came with another field or other arguments.
 */
export async function makeOnce(
  scope: RetryTools & EntityScope,
  sent: RequestKey,
  asked: SelectedMutation,
  make: (scope: EntityScope) => Promise<string>,
): Promise<string> {
  const key = hashOf(sent);
  const verdict = await scope.em.transactional(async (transaction) => {
    if (!(await claim({ ...scope, em: transaction }, key, asked)))
      return find({ ...scope, em: transaction }, key, asked);
    const id = await make({ em: transaction });
    await transaction.execute('update idempotency_keys set record_id = ? where key = ?', [id, key]);
    return id;
  });
  if (verdict instanceof Refusal) throw verdict;
  return verdict;
}

/** Claims an unused key. Waits for a concurrent transaction that is claiming it. */
async function claim(scope: RetryTools & EntityScope, key: string, asked: SelectedMutation): Promise<boolean> {
  const { em, keyring } = scope;
  const taken = await em.execute<object[]>(
    `insert into idempotency_keys as held (key, digest, expires_at) values (?, ?, ${sqlAfter(scope, hours * 3600)})
     on conflict (key) do update set digest = excluded.digest, record_id = null, expires_at = excluded.expires_at
     where held.expires_at <= ${sqlNow(scope)} returning key`,
    [key, digestOf(asked, key, keyring, keyring.active)],
  );
  return taken.length === 1;
}

/** Returns the record of the first attempt, or a refusal if that attempt asked for something else. */
async function find(
  { em, keyring }: RetryTools & EntityScope,
  key: string,
  asked: SelectedMutation,
): Promise<string | Refusal> {
  const [held] = await em.execute<{ digest: string; record_id: string | null }[]>(
    'select digest, record_id from idempotency_keys where key = ?',
    [key],
  );
  const kid = held?.digest.split('.')[0] ?? '';
  // if the keyring no longer has the key of the digest, the requests cannot be compared
  const isSame = held !== undefined && keyring.has(kid) && held.digest === digestOf(asked, key, keyring, kid);
  if (!isSame || held.record_id === null)
    return conflict('This idempotency-key was already used for another request. Use a new one.');
  return held.record_id;
}

/**
 * Not keyed, so that it is found whichever system key is active. An idempotency key reveals nothing and grants nothing.
 */
const hashOf = ({ userId, key }: RequestKey): string =>
  createHash('sha256')
    .update(frame('idempotency-key-v1', userId, key))
    .digest('hex');

function digestOf(asked: SelectedMutation, key: string, keyring: Keyring, kid: string): string {
  const fields = frame('idempotency-v1', key, asked.fieldName, canonical(argumentsOf(asked)));
  return `${kid}.${keyring.mac(kid, 'idempotency', fields).toString('base64url')}`;
}

/** Returns the parsed arguments with defaults, which are the same for variables and literals. */
function argumentsOf({ fieldName, fieldNodes, parentType, variableValues }: SelectedMutation): unknown {
  const [field, node] = [parentType.getFields()[fieldName], fieldNodes[0]];
  if (!field || !node) throw new Error(`${fieldName} is not a field that was asked for.`);
  return getArgumentValues(field, node, variableValues);
}

/** JSON with sorted object keys. */
const canonical = (value: unknown): string =>
  JSON.stringify(value, (_, each: unknown) =>
    typeof each === 'object' && each !== null && !Array.isArray(each)
      ? Object.fromEntries(Object.entries(each).sort(([one], [other]) => (one < other ? -1 : 1)))
      : each,
  );
