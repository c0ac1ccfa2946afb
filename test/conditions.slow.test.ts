import { beforeAll, expect, it } from '@jest/globals';
import {
  buildSchema,
  getDirectiveValues,
  getOperationAST,
  getVariableValues,
  GraphQLIncludeDirective,
  GraphQLSkipDirective,
  parse,
  print,
  validate,
  visit,
  type DocumentNode,
  type GraphQLSchema,
  type SelectionNode,
} from 'graphql';
import { dice } from './rights/question.ts';
import { aLocal, type Answer, type Local } from './support/local.ts';
import { randomDocument } from './support/documents.ts';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { project } from './support/house.ts';

// Checks with random documents that the answer depends neither on how often a document was sent, nor on whether a part
// is excluded by a condition or missing.

/**
 * The number of random documents, with a new seed each time: `SERVICE_RUNS=5000 SEED=1 npm run test:full --
 * test/conditions`.
 */
const runs = Number(process.env['SERVICE_RUNS'] ?? 150);
const seed = Number(process.env['SEED'] ?? Date.now() % 2 ** 31);

let local: Local;
let schema: GraphQLSchema;
let ids: string[];

beforeAll(async () => {
  local = await aLocal({ comparesExecutions: false, environment: { MAX_COST: '1000000', MAX_ALIASES: '1000', MAX_ROOT_FIELDS: '100' } });
  schema = buildSchema(readFileSync(join(project, 'schema.graphql'), 'utf8'));
  const rows = await local.sql(
    `select id::text from members union all select id::text from grievances union all select id::text from organizations
     union all select id::text from users order by 1`,
  );
  ids = rows.map(({ id }) => String(id));
});

/**
 * Returns the document without the parts that its conditions exclude. Null if a selection would be empty, or a
 * condition is null.
 */
function withoutConditions(document: DocumentNode, variables: object): DocumentNode | null {
  const operation = getOperationAST(document);
  const { coerced } = getVariableValues(schema, operation?.variableDefinitions ?? [], { ...variables });
  if (!coerced || Object.values(coerced).includes(null)) return null;
  const isLeftOut = (node: SelectionNode): boolean =>
    getDirectiveValues(GraphQLSkipDirective, node, coerced)?.['if'] === true ||
    getDirectiveValues(GraphQLIncludeDirective, node, coerced)?.['if'] === false;
  let hasGap = false;
  const shorter = visit(document, {
    SelectionSet: (set) => {
      const selections = set.selections.filter((each) => !isLeftOut(each));
      hasGap ||= selections.length === 0;
      return { ...set, selections };
    },
    Directive: () => null,
  });
  return hasGap ? null : withoutUnused(shorter);
}

/** Removes unused fragments and variables, which would be invalid. */
function withoutUnused(document: DocumentNode): DocumentNode {
  const used = new Set<string>();
  visit(document, {
    FragmentSpread: ({ name }) => void used.add(`...${name.value}`),
    Variable: ({ name }, _key, parent) => {
      if (!(parent && 'kind' in parent && parent.kind === 'VariableDefinition')) used.add(`$${name.value}`);
    },
  });
  const shorter = visit(document, {
    FragmentDefinition: ({ name }) => (used.has(`...${name.value}`) ? undefined : null),
    VariableDefinition: ({ variable }) => (used.has(`$${variable.name.value}`) ? undefined : null),
  });
  return print(shorter) === print(document) ? document : withoutUnused(shorter);
}

/** Returns the response without request ids and document positions. */
const bytesOf = ({ data, errors }: Answer): string =>
  JSON.stringify({
    data,
    errors: errors.map(({ message, path, extensions: { code, fields } }) => [message, path?.join('.'), code, fields]).sort(),
  });

it(`answers ${runs} random documents the same on each execution, and without their conditions (SEED=${seed})`, async () => {
  const met = { asked: 0, answered: 0, shortened: 0 };
  const actors = [local.officer, local.member, local.admin];
  for (let number = seed; met.asked < runs; number += 1) {
    const roll = dice(number);
    const found = randomDocument({ schema, roll, depth: 4, conditions: 0.3, variables: 0.3, mistakes: false, prototypes: false, ids });
    const [text, variables] = [found.text.replace(/ query Other \{ \w+ \}/, ''), found.variables[0] ?? {}];
    const document = parse(text);
    if (validate(schema, document).length > 0) continue;
    // each refusal adds to the audit log, so its next answer differs correctly
    if (text.includes('auditEvents')) continue;
    const shorter = withoutConditions(document, variables);
    const actor = actors[number % actors.length] as (typeof actors)[number];
    if (shorter === null) continue;
    met.asked += 1;
    const wanted = await actor.ask(print(shorter), variables);
    if (wanted.codes.length === 0) met.answered += 1;
    if (print(shorter) !== print(document)) met.shortened += 1;
    for (let time = 0; time < 6; time += 1) {
      const answer = await actor.ask(text, variables);
      if (bytesOf(answer) !== bytesOf(wanted))
        throw new Error(
          `SEED=${number}, time ${time}: ${bytesOf(answer)}\nand not ${bytesOf(wanted)}\n${text}\n${JSON.stringify(variables)}`,
        );
    }
  }
  // the random documents must cover all of this
  expect(met.answered).toBeGreaterThan(runs / 10);
  expect(met.shortened).toBeGreaterThan(runs / 10);
}, 3_600_000);
