import assert from 'node:assert/strict';
import { test } from 'node:test';
import { unnamed } from '../diff.js';

const before = 'type Query { grievance(id: ID!): String notes: String } enum Step { ONE TWO }';
const log = (text) => `# Changelog\n\n## Unreleased\n\n${text}\n\n## 0.1.0\n\n- \`Query.notes\` is gone.\n`;
const paths = async (now, text = '') => (await unnamed(before, now, log(text))).map(({ path }) => path);

test('what is gone, renamed or demanded breaks', async () => {
  assert.deepEqual(await paths('type Query { grievance(id: ID!): String } enum Step { ONE TWO }'), ['Query.notes']);
  assert.deepEqual(await paths('type Query { grievance(id: ID!, year: Int!): String notes: String } enum Step { ONE TWO }'), [
    'Query.grievance.year',
  ]);
  assert.deepEqual(await paths('type Query { grievance(id: ID!): String notes: String } enum Step { ONE }'), ['Step.TWO']);
});

test('what is added, deprecated or described does not', async () => {
  const now =
    '"The first" type Query { grievance(id: ID!, year: Int): String notes: String @deprecated(reason: "x") more: Int! } enum Step { ONE TWO }';
  assert.deepEqual(await paths(now), []);
});

test('what the part that is not released names may break, and nothing else', async () => {
  const now = 'type Query { grievance(id: ID!): String } enum Step { ONE }';
  assert.deepEqual(await paths(now, '- `Query.notes` is gone: ask `Query.grievance`.'), ['Step.TWO']);
  assert.deepEqual(await paths(now, '- `Query.notes` and `Step.TWO` are gone.'), []);
});
