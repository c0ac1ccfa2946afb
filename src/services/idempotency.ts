import { createHash } from 'node:crypto';
import { getArgumentValues, type GraphQLResolveInfo } from 'graphql';
import { sqlAfter, sqlNow } from '../entities/clock.ts';
import { conflict, Refusal } from '../errors.ts';
import { frame } from './crypto/framing.ts';
import type { Keyring } from './crypto/keyring.ts';
import type { EntityScope } from './scope.ts';

/** How long a retry is known for one, in hours. */
const hours = 24;

/** What it takes to know a retry. */
export interface RetryTools {
  readonly keyring: Keyring;
  readonly now: () => Date;
}

/** Whose key came with a request. */
export interface SentKey {
  readonly userId: string;
  readonly key: string;
}

/** Which field of the mutation is asked for, and with which arguments. */
export type AskedField = Pick<GraphQLResolveInfo, 'fieldName' | 'fieldNodes' | 'parentType' | 'variableValues'>;

/** How a mutation is described that makes something, and makes it once for one key. */
export const creating = (description: string): { readonly description: string } => ({
  description: `${description} Supports the \`idempotency-key\` header.`,
});

/** Whether a header can be a key: 1 to 255 visible characters of ASCII. */
export const isIdempotencyKey = (header: string): boolean => /^[\x21-\x7e]{1,255}$/.test(header);

/**
 * Makes something, or finds what an earlier request with the same key made. Key and record are written in one transaction:
 * of any number of parallel tries on any number of nodes one makes it, and the others wait for it; a try that fails leaves
 * no key behind.
 * @param make makes it with the entity manager of that transaction, and answers the id to be read back.
 * @returns that id, whether it was made now or before. What may be seen of it is for the caller to read.
 * @throws CONFLICT where the key came with another field or other arguments.
 */
export async function makeOnce(
  scope: RetryTools & EntityScope,
  sent: SentKey,
  asked: AskedField,
  make: (scope: EntityScope) => Promise<string>,
): Promise<string> {
  const key = hashOf(sent);
  const verdict = await scope.em.transactional(async (transaction) => {
    if (!(await claim({ ...scope, em: transaction }, key, asked))) return find({ ...scope, em: transaction }, key, asked);
    const id = await make({ em: transaction });
    await transaction.execute('update idempotency_keys set record_id = ? where key = ?', [id, key]);
    return id;
  });
  if (verdict instanceof Refusal) throw verdict;
  return verdict;
}

/** Takes a key that is not in use; waits for a transaction that is about to take it. */
async function claim(scope: RetryTools & EntityScope, key: string, asked: AskedField): Promise<boolean> {
  const { em, keyring } = scope;
  const taken = await em.execute<object[]>(
    `insert into idempotency_keys as held (key, digest, expires_at) values (?, ?, ${sqlAfter(scope, hours * 3600)})
     on conflict (key) do update set digest = excluded.digest, record_id = null, expires_at = excluded.expires_at
     where held.expires_at <= ${sqlNow(scope)} returning key`,
    [key, digestOf(asked, key, keyring, keyring.active)],
  );
  return taken.length === 1;
}

/** What the first try made, or the refusal where it asked for something else. */
async function find({ em, keyring }: RetryTools & EntityScope, key: string, asked: AskedField): Promise<string | Refusal> {
  const [held] = await em.execute<{ digest: string; record_id: string | null }[]>(
    'select digest, record_id from idempotency_keys where key = ?',
    [key],
  );
  const kid = held?.digest.split('.')[0] ?? '';
  // of what was asked under a key that the keyring has no more, nobody can tell whether it was the same
  const isSame = held !== undefined && keyring.has(kid) && held.digest === digestOf(asked, key, keyring, kid);
  if (!isSame || held.record_id === null) return conflict('This idempotency-key was already used for another request. Use a new one.');
  return held.record_id;
}

/** Not keyed, so that it is found whichever key of the keyring is the active one: a key says nothing, and opens nothing. */
const hashOf = ({ userId, key }: SentKey): string =>
  createHash('sha256')
    .update(frame('idempotency-key-v1', userId, key))
    .digest('hex');

function digestOf(asked: AskedField, key: string, keyring: Keyring, kid: string): string {
  const fields = frame('idempotency-v1', key, asked.fieldName, canonical(argumentsOf(asked)));
  return `${kid}.${keyring.mac(kid, 'idempotency', fields).toString('base64url')}`;
}

/** The arguments as they were read, defaults included: the same whether they came in variables or in the document. */
function argumentsOf({ fieldName, fieldNodes, parentType, variableValues }: AskedField): unknown {
  const [field, node] = [parentType.getFields()[fieldName], fieldNodes[0]];
  if (!field || !node) throw new Error(`${fieldName} is not a field that was asked for.`);
  return getArgumentValues(field, node, variableValues);
}

/** JSON with the fields of each object in the order of their names. */
const canonical = (value: unknown): string =>
  JSON.stringify(value, (_, each: unknown) =>
    typeof each === 'object' && each !== null && !Array.isArray(each)
      ? Object.fromEntries(Object.entries(each).sort(([one], [other]) => (one < other ? -1 : 1)))
      : each,
  );
