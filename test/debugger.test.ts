import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from '@jest/globals';
import { project } from './support/house.ts';

const read = (name: string): string => readFileSync(join(project, name), 'utf8');

// Node.js opens its debugger on SIGUSR1 until the service has read its configuration, so the option must be set earlier
it('every command that serves or works starts without the debugger signal', () => {
  const { scripts } = JSON.parse(read('package.json')) as { scripts: Record<string, string> };
  const commands = [scripts['start'], scripts['worker'], /^CMD .*$/m.exec(read('Dockerfile'))?.[0]];
  const composed = read('compose.yaml').match(/^.*main\.js.*$/gm) ?? [];
  for (const command of [...commands, ...composed]) expect(command).toMatch(/\bnode\b[",' ]+--disable-sigusr1\b/);
  expect(composed).not.toEqual([]);
});
