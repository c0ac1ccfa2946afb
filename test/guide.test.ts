import { execFileSync } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { filesOf, project } from './support/house.ts';

/** A block of the guide: a whole file, lines to add to one, or commands. */
interface Block {
  readonly kind: string;
  readonly file: string;
  readonly text: string;
}

const guide = readFileSync(join(project, 'docs', 'domain.md'), 'utf8');
const blocks: Block[] = [...guide.matchAll(/^```(ts|diff|sh) ?(\S*)\n(.*?)^```$/gms)].map(([, kind = '', file = '', text = '']) => ({
  kind,
  file,
  text,
}));

/** Adds the lines with a plus after the lines before them, which must be there; `@@` begins at the top again. */
function patched(source: string, patch: string): string {
  const lines = source.split('\n');
  let place = 0;
  for (const line of patch.split('\n').slice(0, -1)) {
    if (line === '@@') place = 0;
    else if (line.startsWith('+')) lines.splice(place++, 0, line.slice(1));
    else {
      const found = lines.indexOf(line.slice(1), place);
      if (found < 0) throw new Error(`"${line.slice(1)}" is not where the guide says.`);
      place = found + 1;
    }
  }
  return lines.join('\n');
}

let copy: string;
const run = (command: string): string =>
  execFileSync(command, {
    cwd: copy,
    encoding: 'utf8',
    shell: true,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: {
      ...process.env,
      PATH: `${join(project, 'node_modules', '.bin')}${delimiter}${process.env['PATH']}`,
      DATABASE_URL: '',
      NODE_OPTIONS: '',
    },
  });

beforeAll(() => {
  copy = mkdtempSync(join(tmpdir(), 'unionhall-guide-'));
  for (const folder of ['src', 'seeds', 'migrations', 'test', 'scripts']) {
    for (const file of filesOf(folder)) place(join(folder, file), readFileSync(join(project, folder, file), 'utf8'));
  }
  for (const file of ['package.json', 'tsconfig.json', 'tsconfig.build.json', 'mikro-orm.config.ts', 'jest.config.js', '.env.example'])
    copyFileSync(join(project, file), join(copy, file));
  symlinkSync(join(project, 'node_modules'), join(copy, 'node_modules'));
  for (const folder of ['docs', 'bench']) mkdirSync(join(copy, folder));
});

afterAll(() => rmSync(copy, { recursive: true, force: true }));

function place(file: string, text: string): void {
  mkdirSync(dirname(join(copy, file)), { recursive: true });
  writeFileSync(join(copy, file), text);
}

describe('the guide to a new domain, taken at its word', () => {
  it('leads to a service that answers for it, within the laws of the house', () => {
    for (const { kind, file, text } of blocks) {
      if (kind === 'ts') place(file, text);
      else if (kind === 'diff') place(file, patched(readFileSync(join(copy, file), 'utf8'), text));
      else for (const command of text.trim().split('\n')) run(command);
    }
    const schema = readFileSync(join(copy, 'schema.graphql'), 'utf8');
    expect(schema).toContain('beginApprenticeship(');
    expect(schema).toContain('type ApprenticeshipConnection');
    expect(readFileSync(join(copy, 'docs', 'permissions.md'), 'utf8')).toContain('| Mutation.beginApprenticeship |');
    const migration = filesOf('migrations').length;
    expect(run('ls migrations').trim().split('\n').length).toBeGreaterThan(migration);
  }, 600_000);

  it('says where it does not fit any more', () => {
    expect(() => patched('a\nb', ' c\n+d\n')).toThrow('"c" is not where the guide says.');
    expect(patched('a\nb\na', ' b\n a\n+d\n@@\n a\n+e\n')).toBe('a\ne\nb\na\nd');
  });
});
