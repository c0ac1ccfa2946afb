import { describe, expect, it } from '@jest/globals';
import { aLocal } from './support/local.ts';

// Tests `extensions.explain`, which development adds to a response for a request with the header x-explain.

interface Explained {
  readonly data: object;
  readonly extensions?: {
    explain: { cost: number; costLimit: number; statements: { sql: string; milliseconds: number; rows: number }[] };
  };
}

const local = await aLocal({ comparesExecutions: false });
const production = await aLocal({ environment: { NODE_ENV: 'production' } });

const query =
  '{ grievances(first: 3, filter: { grievanceNumber: { eq: "GR-2025-0008" } }) { nodes { grievanceNumber employer { name } } } }';

async function ask(url: string, headers: Record<string, string>): Promise<Explained> {
  const response = await fetch(`${url}/graphql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify({ query }),
  });
  return (await response.json()) as Explained;
}

describe('an explanation', () => {
  it('lists the statements of reads with their rows, and the cost with its limit', async () => {
    const authorization = `Bearer ${await local.officer.token()}`;
    const { data, extensions } = await ask(local.url, { authorization, 'x-explain': '1' });
    const { cost, costLimit, statements = [] } = extensions?.explain ?? {};
    expect(cost).toBeGreaterThan(0);
    expect(costLimit).toBe(5000);
    const ofGrievances = statements.filter(({ sql }) => /from "?grievances"?/i.test(sql));
    expect(ofGrievances.map(({ rows }) => rows)).toContain(1);
    expect(statements.some(({ sql }) => /"?organizations"?/.test(sql))).toBe(true);
    for (const { milliseconds } of statements) expect(milliseconds).toBeGreaterThanOrEqual(0);
    expect(JSON.stringify(statements)).not.toContain('GR-2025-0008');
    expect(data).toMatchObject({ grievances: { nodes: [{ grievanceNumber: 'GR-2025-0008' }] } });
  });

  it('covers only its own request, and is not sent to others', async () => {
    const authorization = `Bearer ${await local.officer.token()}`;
    const [one, other, none] = await Promise.all([
      ask(local.url, { authorization, 'x-explain': '1' }),
      ask(local.url, { authorization, 'x-explain': '1' }),
      ask(local.url, { authorization }),
    ]);
    const reads = ({ extensions }: Explained) => extensions?.explain.statements.filter(({ sql }) => /from "?grievances"?/i.test(sql));
    for (const each of [one, other]) expect(reads(each)).toHaveLength(1);
    expect(none.extensions).toBeUndefined();
    expect((await ask(local.url, { authorization, 'x-explain': 'yes' })).extensions).toBeUndefined();
  });

  it('is not available in production', async () => {
    const authorization = `Bearer ${await production.officer.token()}`;
    const { data, extensions } = await ask(production.url, { authorization, 'x-explain': '1' });
    expect(data).toHaveProperty('grievances');
    expect(extensions).toBeUndefined();
  });
});
