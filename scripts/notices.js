// Writes THIRD-PARTY-NOTICES from the installed production dependencies: `npm run notices`. A test compares the file.
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const project = join(import.meta.dirname, '..');
const isNotice = /(^|\.)(licen[cs]e|copying|notice)\b/i;
/** Files of packages that are committed here, because each package would install dozens of unneeded dependencies. */
const vendored = [{ label: 'graphql-voyager 2.1.0 (MIT), in playground/voyager', place: 'playground/voyager' }];

/**
 * @returns {string} the notices of all production dependencies except optional ones. Packages with the same text share
 * it.
 */
export function notices() {
  const { packages } = JSON.parse(readFileSync(join(project, 'package-lock.json'), 'utf8'));
  /** @type {Map<string, string[]>} */
  const byText = new Map();
  for (const [place, { dev, optional, devOptional }] of Object.entries(packages)) {
    if (place === '' || dev || optional || devOptional) continue;
    const { name, version, license } = JSON.parse(readFileSync(join(project, place, 'package.json'), 'utf8'));
    const text = noticesIn(join(project, place)) || `The package has no license file. Its metadata says: ${license}.`;
    byText.set(text, [...new Set([...(byText.get(text) ?? []), `${name} ${version} (${licenseName(license)})`])]);
  }
  for (const { label, place } of vendored) byText.set(noticesIn(join(project, place)), [label]);
  const sections = [...byText].map(([text, names]) => `${names.toSorted().join('\n')}\n\n${text}\n`).toSorted();
  return [introduction, ...sections].join(`\n${'-'.repeat(80)}\n\n`);
}

const introduction = `THIRD-PARTY NOTICES

Unionhall uses these packages in production. Each section lists the packages and the license text that they contain.
Written by \`npm run notices\`; a test compares this file with the installed packages.
`;

/** @param {string} folder */
function noticesIn(folder) {
  return readdirSync(folder, { withFileTypes: true })
    .filter((entry) => entry.isFile() && isNotice.test(entry.name))
    .map(({ name }) =>
      readFileSync(join(folder, name), 'utf8')
        .replace(/\r\n?/g, '\n')
        .replace(/[ \t]+$/gm, '')
        .trim(),
    )
    .toSorted()
    .join('\n\n');
}

/** @param {string | { type: string } | undefined} license */
const licenseName = (license) => (typeof license === 'object' ? license.type : (license ?? 'unknown'));

if (process.argv[1] === import.meta.filename) writeFileSync(join(project, 'THIRD-PARTY-NOTICES'), notices());
