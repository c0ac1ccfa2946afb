import { beforeAll, describe, expect, it } from '@jest/globals';
import { Keyring } from '../src/services/crypto/keyring.ts';
import { value } from './case.kit.ts';
import { creations, Makings, type Creation, type Made } from './idempotency.kit.ts';
import { Actor, Clock, type Answer, type Local } from './support/local.ts';
import { aNode, seededDatabase } from './support/node.ts';

// Runs two nodes on a server, because the embedded database has one connection and so no races.
const parallel = 16;

let nodes: readonly [Local, Local];
let makings: Makings;

beforeAll(async () => {
  const [keyring, clock] = [Keyring.parse(Keyring.generate()), new Clock()];
  const database = await seededDatabase(keyring, { engine: 'postgresql' });
  const people = ['admin', 'staff', 'organizer', 'vp'] as const;
  const node = async (): Promise<Local> => {
    const { url } = await aNode({ database, keyring, clock });
    const actors = people.map((name) => [name, new Actor(() => `${url}/graphql`, name)] as const);
    await Promise.all(actors.map(([, actor]) => actor.token()));
    return { ...Object.fromEntries(actors), url, clock, database, sql: database.run } as unknown as Local;
  };
  nodes = [await node(), await node()];
  makings = await Makings.at(nodes[0]);
}, 60_000);

const named = (name: string): Creation => creations.find((each) => each.name === name) as Creation;
const codesOf = (answers: readonly Answer<unknown>[]): string[] =>
  answers.flatMap(({ codes }) => (codes.length > 0 ? codes : ['done'])).sort();
const idsOf = (answers: readonly Answer<Made | null>[]): string[] => [
  ...new Set(answers.flatMap(({ data }) => (data ? [data.made.id] : []))),
];

/** Sends many requests at once to both nodes. */
const atOnce = (creation: Creation, given: (place: number) => { variables: object; key: string }): Promise<Answer<Made>[]> =>
  Promise.all(
    Array.from({ length: parallel }, (_, place) => {
      const { variables, key } = given(place);
      return makings.ask(creation, variables, { key, who: (nodes[place % 2] as Local)[creation.who] });
    }),
  );

describe('of many attempts with one key, on two nodes at once', () => {
  it.each(creations)('$name: one creates the record, and all get the same response', async (creation) => {
    for (let round = 0; round < 3; round += 1) {
      const variables = await makings.variables(creation);
      const made = await makings.watch(creation, async () => {
        const answers = await atOnce(creation, () => ({ variables, key: `${creation.name}-${round}` }));
        expect(codesOf(answers)).toEqual(Array(parallel).fill('done'));
        expect(idsOf(answers)).toHaveLength(1);
      });
      expect(made).toEqual({ rows: 1, events: 1 });
    }
  });

  it('those with other arguments get CONFLICT, in any order', async () => {
    const creation = named('fileGrievance');
    for (let round = 0; round < 4; round += 1) {
      const variables = await makings.variables(creation);
      const other = creation.otherwise(variables);
      const made = await makings.watch(creation, async () => {
        // Half of each node's requests have one set of arguments, and half the other.
        const answers = await atOnce(creation, (place) => ({ variables: place % 4 < 2 ? variables : other, key: `mixed-${round}` }));
        expect(codesOf(answers)).toEqual([...Array(parallel / 2).fill('CONFLICT'), ...Array(parallel / 2).fill('done')]);
        expect(idsOf(answers)).toHaveLength(1);
      });
      expect(made).toEqual({ rows: 1, events: 1 });
    }
  });

  it('if all fail, each gets its reason, and no key is stored', async () => {
    const creation = named('createMember');
    const [first, second] = [await makings.variables(creation), await makings.variables(creation)];
    await makings.ask(creation, first);
    const taken = { input: { ...second.input, memberNumber: first.input['memberNumber'] } };
    const made = await makings.watch(creation, async () => {
      expect(codesOf(await atOnce(creation, () => ({ variables: taken, key: 'failing' })))).toEqual(Array(parallel).fill('BAD_INPUT'));
      expect(codesOf(await atOnce(creation, () => ({ variables: second, key: 'failing' })))).toEqual(Array(parallel).fill('done'));
    });
    expect(made).toEqual({ rows: 1, events: 1 });
  });

  it('one creates the record again if the key has expired', async () => {
    const creation = named('createOrganization');
    const variables = await makings.variables(creation);
    const ask = () => atOnce(creation, () => ({ variables, key: 'expired' }));
    const [before] = idsOf(await ask());
    await nodes[0].sql(`update idempotency_keys set expires_at = now() - interval '1 minute' where record_id = $1`, [before]);
    const made = await makings.watch(creation, async () => {
      const answers = await ask();
      expect(codesOf(answers)).toEqual(Array(parallel).fill('done'));
      expect(idsOf(answers)).toHaveLength(1);
      expect(idsOf(answers)).not.toEqual([before]);
    });
    expect(made).toEqual({ rows: 1, events: 1 });
    expect(await value(nodes[0], 'select count(*)::int from idempotency_keys where record_id = $1', before)).toBe(0);
  });
});

describe('of many concurrent attempts with several keys', () => {
  it.each(['createUser', 'createOrganizationContact', 'fileGrievance'])(
    '%s: each key creates one record, without a deadlock',
    async (name) => {
      const creation = named(name);
      const all = await Promise.all(Array.from({ length: parallel / 2 }, () => makings.variables(creation)));
      const made = await makings.watch(creation, async () => {
        const answers = await atOnce(creation, (place) => ({ variables: all[place >> 1] as object, key: `${name}-several-${place >> 1}` }));
        expect(codesOf(answers)).toEqual(Array(parallel).fill('done'));
      });
      expect(made).toEqual({ rows: parallel / 2, events: parallel / 2 });
    },
  );
});
