import 'reflect-metadata';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { variables } from '../src/config.ts';
import {
  brokenImports,
  environmentReaders,
  filesOf,
  importsOf,
  oddNames,
  project,
  sourcesOf,
  vagueFolders,
  wordsOf,
} from './support/house.ts';
import { entityManagerParameters, errorNamesAsText, longSignatures, shareOfLongLines, sharedTypeNames } from './support/measure.ts';

const src = sourcesOf('src');
const names = [...src.keys()];
const inLayer = (layer: string): string[] =>
  names.filter((name) => name.startsWith(`${layer}/`)).map((name) => name.slice(layer.length + 1));

describe('the house', () => {
  it('imports only from allowed layers', () => {
    expect(brokenImports(src)).toEqual([]);
  });

  it('reads the environment in config.ts only', () => {
    expect(environmentReaders(src)).toEqual([]);
  });

  it('has five files at the root, and the others in folders', () => {
    const rooms = ['command', 'database', 'entities', 'http', 'permissions', 'process', 'reading', 'resolvers', 'services'];
    expect(names.filter((name) => !name.includes('/'))).toEqual(['config.ts', 'context.ts', 'errors.ts', 'main.ts', 'schema.ts']);
    expect([...new Set(names.filter((name) => name.includes('/')).map((name) => name.split('/')[0]))]).toEqual(rooms);
  });

  it('names files in lower-case words and folders by their purpose', () => {
    expect(oddNames(names)).toEqual([]);
    expect(vagueFolders([...names, ...filesOf('seeds'), ...filesOf('test')])).toEqual([]);
  });

  it('gives each domain with operations its entity and its permissions', () => {
    const domains = wordsOf(inLayer('resolvers'), ['node']); // because it finds records of every domain
    expect(domains.length).toBeGreaterThan(5);
    const permissions = wordsOf(inLayer('permissions'), ['node', 'rule', 'shield', 'print']);
    const entities = wordsOf(inLayer('entities'), []);
    expect(domains.filter((word) => !permissions.includes(word))).toEqual([]);
    expect(domains.filter((word) => !entities.includes(word))).toEqual([]);
    expect(permissions.filter((word) => !entities.includes(word))).toEqual([]);
    expect(
      wordsOf(inLayer('services'), ['crypto', 'mail', 'proof', 'scope', 'sign-in']).filter((word) => !entities.includes(word)),
    ).toEqual([]);
  });

  it('lists every domain in the index of its layer', () => {
    for (const layer of ['entities', 'resolvers', 'permissions']) {
      const indexed = importsOf(src.get(`${layer}/index.ts`) ?? '').map(({ of }) => of);
      const except = { entities: sharedEntities, permissions: ['rule', 'shield', 'print'] }[layer] ?? [];
      expect(wordsOf(inLayer(layer), except).filter((word) => !indexed.includes(`./${word}.ts`))).toEqual([]);
    }
  });

  it('gives operations exactly to the domains with resolvers', () => {
    const asked = wordsOf(inLayer('resolvers'), []);
    const ruled = wordsOf(inLayer('permissions'), ['rule', 'shield', 'print']).filter((word) =>
      /export const operations\b/.test(src.get(`permissions/${word}.ts`) ?? ''),
    );
    expect(ruled).toEqual(asked);
  });

  it('lists every variable in .env.example with its description', () => {
    const example = readFileSync(join(project, '.env.example'), 'utf8');
    expect([...example.matchAll(/^# ?([A-Z][A-Z0-9_]*)=/gm)].map(([, name]) => name)).toEqual(Object.keys(variables));
    for (const { description } of Object.values(variables)) expect(example).toContain(`# ${description}`);
  });

  it('has no skipped test, and no open to-do', () => {
    const tests = [...sourcesOf('test')].filter(([name]) => name.endsWith('.test.ts'));
    const leftOut = /\b(?:describe|it|test)(?:\.each\b.*)?\.(?:skip|only|todo|failing)\b|\b[fx](?:describe|it|test)\(/;
    expect(tests.filter(([, text]) => leftOut.test(text)).map(([name]) => name)).toEqual([]);
    const undone = new RegExp(`\\b(?:${['TO', 'FIX', 'X'].map((word, at) => word + ['DO', 'ME', 'XX'][at]).join('|')})\\b`);
    expect([...src, ...sourcesOf('seeds'), ...sourcesOf('test')].filter(([, text]) => undone.test(text)).map(([name]) => name)).toEqual([]);
  });
});

/** Files that serve all entities and belong to no domain. */
const sharedEntities = ['case', 'clock', 'identifier', 'listing', 'page', 'record', 'rule', 'scalars', 'summary', 'text', 'viewer'];

describe('the rules of the house detect', () => {
  const broken = (name: string, text: string): string[] => brokenImports(new Map([[name, text]]));

  it.each([
    ['entities/member.ts', `import { x } from '../services/member.ts';`],
    ['entities/member.ts', `import type { Config } from '../config.ts';`],
    ['services/member.ts', `import { x } from './grievance.ts';`],
    ['services/session/login.ts', `import { x } from '../user.ts';`],
    ['services/member.ts', `export { x } from '../resolvers/member.ts';`],
    ['services/member.ts', `import { shield } from 'graphql-shield';`],
    ['services/crypto/token.ts', `import type { Member } from '../../entities/member.ts';`],
    ['services/crypto/token.ts', `import pg from 'pg';`],
    ['services/crypto/mailed.ts', `import { x } from '../mail/job.ts';`],
    ['services/mail/worker.ts', `import { login } from '../session/login.ts';`],
    ['services/mail/worker.ts', `import type { Config } from '../../config.ts';`],
    ['reading/reader.ts', `const x = await import('../permissions/member.ts');`],
    ['resolvers/member.ts', `import { EntityManager } from '@mikro-orm/core';`],
    ['resolvers/member.ts', `import { notFound } from '../errors.ts';`],
    ['resolvers/member.ts', `import { Context } from '../context.ts';`],
    ['permissions/member.ts', `import { MemberService } from '../services/member.ts';`],
    ['context.ts', `import {\n  a,\n  b,\n} from './resolvers/index.ts';`],
    ['errors.ts', `import './config.ts';`],
    ['http/index.ts', `import { start } from '../process/server.ts';`],
    ['http/index.ts', `import { openDatabase } from '../database/index.ts';`],
    ['process/server.ts', `import type { UserOptions } from '../command/user.ts';`],
    ['command/serve.ts', `import { createHttp } from '../http/index.ts';`],
    ['services/member.ts', `import type { Served } from '../http/index.ts';`],
  ])('a forbidden import in %s: %s', (name, text) => {
    expect(broken(name, text)).toHaveLength(1);
  });

  it.each([
    ['resolvers/member.ts', `import type { Context } from '../context.ts';\nimport { Member } from '../entities/member.ts';`],
    [
      'services/session/login.ts',
      `import { x } from './tools.ts';\nimport { y } from '../crypto/token.ts';\nimport { recordAudit } from '../audit/event.ts';`,
    ],
    ['services/session/refresh.ts', `import { alertUser } from '../mail/index.ts';`],
    ['services/mail/worker.ts', `import { User } from '../../entities/user.ts';\nimport { mailedToken } from '../crypto/mailed.ts';`],
    ['entities/member.ts', `// import { x } from '../services/member.ts';\nimport { conflict } from '../errors.ts';`],
    ['process/server.ts', `import { resolvers } from '../resolvers/index.ts';`],
    ['http/index.ts', `import { openLog } from '../process/log.ts';\nimport type { Metrics } from '../process/metrics.ts';`],
    ['command/serve.ts', `import { start } from '../process/server.ts';`],
  ])('nothing wrong in %s', (name, text) => {
    expect(broken(name, text)).toEqual([]);
  });

  it('an environment that is read elsewhere', () => {
    expect(
      environmentReaders(
        new Map([
          ['http.ts', `const port = process.env['PORT'];`],
          ['config.ts', 'process.env'],
        ]),
      ),
    ).toEqual(['http.ts']);
  });

  it('a name with a suffix, and a folder without a purpose', () => {
    expect(oddNames(['services/member.service.ts', 'entities/Member.ts', 'entities/member.ts', 'services/session/login.ts'])).toEqual([
      'services/member.service.ts',
      'entities/Member.ts',
    ]);
    expect(vagueFolders(['utils/date.ts', 'entities/member.ts'])).toEqual(['utils/date.ts']);
  });
});

describe('the measures of src', () => {
  it('exports each type name once', () => {
    expect(sharedTypeNames(src)).toEqual([]);
  });

  it('passes a scope and not an entity manager, except to the mail queue', () => {
    expect(entityManagerParameters(src)).toEqual(['services/mail/queue.ts']);
  });

  it('has no function with more than four parameters, except where a library calls it', () => {
    expect(longSignatures(src)).toEqual(['http/socket.ts', 'reading/filter.ts', 'reading/filter.ts']);
  });

  it('tells operator errors apart by their class', () => {
    expect(errorNamesAsText(src)).toEqual([]);
  });

  it('keeps lines to 120 columns, with few exceptions', () => {
    expect(shareOfLongLines(src)).toBeLessThanOrEqual(0.01);
  });
});

describe('the measures detect', () => {
  const one = (text: string, file = 'services/member.ts') => new Map([[file, text]]);

  it('a type name that two files export', () => {
    const files = new Map([
      ['entities/member.ts', 'export class Member {}'],
      ['services/member.ts', 'export interface Member { readonly id: string }'],
      ['services/role.ts', 'interface Member {}'],
    ]);
    expect(sharedTypeNames(files)).toEqual(['Member: entities/member.ts, services/member.ts']);
  });

  it.each([
    'export async function find(em: SqlEntityManager, id: string): Promise<void> {}',
    'const find = (id: string, em: SqlEntityManager) => em;',
    'class Members { find(em: SqlEntityManager) {} }',
  ])('an entity manager as a parameter: %s', (text) => {
    expect(entityManagerParameters(one(text))).toEqual(['services/member.ts']);
    expect(entityManagerParameters(one(text, 'command/user.ts'))).toEqual([]);
  });

  it('no entity manager in a scope, or in a transaction', () => {
    expect(entityManagerParameters(one('const find = ({ em }: EntityScope) => em.transactional((em) => em);'))).toEqual([]);
  });

  it('a function with five parameters', () => {
    expect(longSignatures(one('function four(a, b, c, d) {} class A { five(a, b, c, d, e) {} }'))).toEqual(['services/member.ts']);
  });

  it('the name of an operator error as a string, and a long line', () => {
    const text = "class UserError extends OperatorError {}\nconst isPlain = error.name === 'UserError';";
    expect(errorNamesAsText(one(text))).toEqual(['services/member.ts: UserError']);
    expect(shareOfLongLines(one(`${'x'.repeat(121)}\n${'x'.repeat(120)}`))).toBe(0.5);
  });
});
