// Compares ../schema.graphql with that of the last tag: `npm run schema:diff`. Fails for a breaking change, unless the
// unreleased part of ../CHANGELOG.md names its path in backticks, for example `Grievance.notes` or
// `Mutation.login.input`.
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { CriticalityLevel, diff } from '@graphql-inspector/core';
import { buildSchema } from 'graphql';

const project = join(import.meta.dirname, '..');

/**
 * Lists the breaking changes between two schemas in SDL that the changelog does not name.
 * @param {string} before @param {string} now
 * @param {string} changelog
 */
export async function unnamed(before, now, changelog) {
  const changes = await diff(buildSchema(before), buildSchema(now));
  const named = new Set([...unreleased(changelog).matchAll(/`([\w.@]+)`/g)].map(([, path]) => path));
  return changes.filter(({ criticality, path }) => criticality.level === CriticalityLevel.Breaking && !named.has(path ?? ''));
}

/** Returns the part under the first second-level heading. @param {string} changelog */
const unreleased = (changelog) => changelog.split(/^## /m)[1] ?? '';

/** @param {string[]} words */
const git = (...words) => execFileSync('git', words, { cwd: project, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim();

/** @returns the last tag before this commit, or null without one. */
function lastTag() {
  try {
    return git('describe', '--tags', '--abbrev=0');
  } catch {
    return null;
  }
}

if (process.argv[1] === import.meta.filename) {
  const tag = process.argv[2] ?? lastTag();
  if (tag === null) console.log('No release tag exists yet, so the schema was not compared.');
  else {
    const now = readFileSync(join(project, 'schema.graphql'), 'utf8');
    const breaking = await unnamed(git('show', `${tag}:schema.graphql`), now, readFileSync(join(project, 'CHANGELOG.md'), 'utf8'));
    for (const { message, path } of breaking) console.error(`${path}: ${message}`);
    console.log(
      breaking.length === 0
        ? `No breaking changes since ${tag}, except those in CHANGELOG.md.`
        : `Describe breaking changes in CHANGELOG.md.`,
    );
    if (breaking.length > 0) process.exitCode = 1;
  }
}
