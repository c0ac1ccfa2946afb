import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { MetadataStorage } from '@mikro-orm/core';
import { Int, Mutation, Query, Resolver } from 'type-graphql';
import type { Database } from '../../src/database/index.ts';
import { entities } from '../../src/entities/index.ts';
import type { Grant, RowRule } from '../../src/entities/rule.ts';
import { rowRules } from '../../src/permissions/index.ts';
import { resolvers } from '../../src/resolvers/index.ts';
import { buildExecutable, PermissionGap, type SchemaParts } from '../../src/schema.ts';
import { emptyDatabase } from '../support/database.ts';

let database: Database;
let metadata: MetadataStorage;
beforeAll(async () => {
  database = await emptyDatabase();
  metadata = database.orm.getMetadata();
});
afterAll(() => database.close());

/** Returns the errors of a start with other parts. */
function gapsWith(parts: SchemaParts): readonly string[] {
  try {
    buildExecutable(metadata, parts);
  } catch (error) {
    if (error instanceof PermissionGap) return error.gaps;
    throw error;
  }
  return [];
}

/** Returns the rules with one changed. */
const rulesWith = (type: string, change: (rule: RowRule) => RowRule): RowRule[] =>
  rowRules.map((rule) => (rule.type === type ? change(rule) : rule));

/** Returns a rule without a field in any of its groups. */
const without =
  (field: string) =>
  (rule: RowRule): RowRule => ({
    ...rule,
    fields: Object.fromEntries(Object.entries(rule.fields ?? {}).map(([group, names]) => [group, names.filter((name) => name !== field)])),
  });

@Resolver()
class ForgottenQuery {
  @Query(() => Int, { description: 'A question nobody made a rule for.' })
  forgotten(): number {
    return 1;
  }
}

@Resolver()
class ForgottenMutation {
  @Mutation(() => Int, { description: 'A change nobody made a rule for.' })
  forgottenChange(): number {
    return 1;
  }
}

class Orphan {}

/** Returns a rule with one more grant, which shows these groups. */
const granting =
  (groups: (fields: string[]) => string[]) =>
  (rule: RowRule): RowRule => ({
    ...rule,
    grants: [...rule.grants, { ...(rule.grants[0] as Grant), see: groups(Object.keys(rule.fields ?? {})) }],
  });

describe('the service starts', () => {
  it('with the current rules', () => {
    expect(gapsWith({})).toEqual([]);
  });
});

describe('the service does not start', () => {
  it.each<[what: string, parts: SchemaParts, gaps: (string | RegExp)[]]>([
    ['with a query that has no rule', { resolvers: [...resolvers, ForgottenQuery] }, ['Query.forgotten has no rule']],
    ['with a mutation that has no rule', { resolvers: [...resolvers, ForgottenMutation] }, ['Mutation.forgottenChange has no rule']],
    [
      'with a rule for what is not published',
      { resolvers: resolvers.filter(({ name }) => name !== 'RoleResolver') },
      [/^Query\.permissions has a rule/, /^Query\.roles has a rule/],
    ],
    ['with an entity that has no row rule', { entities: [...entities, Orphan] }, ['Orphan has no row rule']],
    [
      'when the rule of an entity is taken away',
      { rowRules: rowRules.filter(({ type }) => type !== 'SaltingActivity') },
      ['SaltingActivity has no row rule'],
    ],
    [
      'when a restricted type has a field in no group',
      { rowRules: rulesWith('Member', without('dateOfBirth')) },
      ['Member.dateOfBirth is in no field group of its rule'],
    ],
    [
      'when a field stands in two groups',
      { rowRules: rulesWith('Member', (rule) => ({ ...rule, fields: { ...rule.fields, again: ['notes'] } })) },
      ['Member.notes is in two field groups'],
    ],
    [
      'when a group names a field that is not published',
      { rowRules: rulesWith('Member', (rule) => ({ ...rule, fields: { ...rule.fields, more: ['shoeSize'] } })) },
      ['Member.shoeSize has a rule but is not published'],
    ],
    [
      'when a grant misspells a group',
      {
        rowRules: rulesWith(
          'Organization',
          granting((all) => [...all, 'recrod']),
        ),
      },
      ['Organization grants an unknown field group: recrod'],
    ],
    [
      'when a field may be hidden that the schema promises',
      {
        rowRules: rulesWith('GrievanceStepRecord', (rule) => ({
          ...without('meetingDate')(rule),
          fields: { ...without('meetingDate')(rule).fields, nothing: [], dates: ['meetingDate'] },
        })),
      },
      ['GrievanceStepRecord.meetingDate may be hidden, so it must be nullable'],
    ],
    [
      'when a rule that showed everything begins to hide, and names no groups',
      {
        rowRules: rulesWith(
          'Session',
          granting(() => ['nothing']),
        ),
      },
      [/^Session\.deviceName is in no field group/, /^Session grants an unknown field group: nothing/],
    ],
    [
      'when a rule names a type that the schema does not publish under that name',
      { rowRules: rulesWith('GrievanceStepRecord', (rule) => ({ ...rule, type: 'GrievanceStep' })) },
      [/GrievanceStep/],
    ],
    [
      'when two rules stand for one type',
      { rowRules: [...rowRules, ...rowRules.filter(({ type }) => type === 'Grievance')] },
      [/Grievance/],
    ],
  ])('%s', (_what, parts, gaps) => {
    const found = gapsWith(parts);
    for (const gap of gaps) expect(found).toContainEqual(typeof gap === 'string' ? gap : expect.stringMatching(gap));
  });

  it('and reports everything that is missing at once', () => {
    const parts = { entities: [...entities, Orphan], rowRules: rulesWith('Member', without('notes')) };
    expect(() => buildExecutable(metadata, parts)).toThrow(
      /Permission rules are incomplete:\n(?=[^]*Orphan has no row rule)(?=[^]*Member\.notes is in no field group)/,
    );
  });
});
