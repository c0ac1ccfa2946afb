import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { parse } from 'yaml';
import { version } from '../src/process/version.ts';
import { project } from './support/house.ts';

interface Package {
  readonly version: string;
  readonly license?: string;
  readonly dev?: boolean;
  readonly optional?: boolean;
  readonly engines?: { readonly node?: string };
}

const read = (file: string): string => readFileSync(join(project, file), 'utf8');
const manifest = JSON.parse(read('package.json')) as Package;
const { packages } = JSON.parse(read('package-lock.json')) as { packages: Readonly<Record<string, Package>> };
const production = Object.entries(packages).filter(([place, { dev, optional }]) => place !== '' && !dev && !optional);

describe('the project', () => {
  it('has one version: in package.json, the lockfile, the service and the changelog', () => {
    const [, released] = /^## (\d+\.\d+\.\d+)/m.exec(read('CHANGELOG.md')) ?? [];
    expect([manifest.version, packages['']?.version, version, released]).toEqual(Array(4).fill(manifest.version));
  });

  it('has the license that package.json names', () => {
    expect([manifest.license, packages['']?.license]).toEqual(['Apache-2.0', 'Apache-2.0']);
    expect(read('LICENSE')).toMatch(/^\s+Apache License\n\s+Version 2\.0, January 2004/);
  });

  it('requires the Node.js version that its production dependencies require', () => {
    const least = production.flatMap(([, { engines }]) => /^>= ?(\d+\.\d+\.\d+)$/.exec(engines?.node ?? '')?.slice(1) ?? []);
    const [newest] = least.toSorted((one, other) => other.localeCompare(one, 'en', { numeric: true }));
    expect(manifest.engines?.node).toBe(`>=${newest}`);
  });

  it('lists the licenses of its production dependencies: npm run notices', async () => {
    const { notices } = (await import('../scripts/notices.js' as string)) as { notices: () => string };
    expect(read('THIRD-PARTY-NOTICES')).toBe(notices());
    for (const [place] of production) expect(read('THIRD-PARTY-NOTICES')).toContain(place.split('node_modules/').at(-1));
  });

  it('runs .ci/run in its workflow, on Debian with the Node.js of .nvmrc and the image', () => {
    const { jobs } = parse(read('.github/workflows/ci.yml')) as {
      jobs: { checks: { container: string; steps: readonly { run?: string }[] } };
    };
    expect(jobs.checks.steps.at(-1)).toEqual({ run: '.ci/run' });
    const major = read('.nvmrc').trim();
    expect(jobs.checks.container).toBe(`node:${major}-bookworm`);
    expect(read('Dockerfile').match(/^FROM node:\d+/gm)).toEqual([`FROM node:${major}`, `FROM node:${major}`]);
  });
});
