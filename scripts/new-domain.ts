// Writes the files of a new domain: `npm run new:domain -- apprenticeship`. The templates are the blocks of docs/domain.md,
// with its example's name replaced. docs/domain.md explains each file, and lists the commands to run afterwards.
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

const example = 'apprenticeship';

/**
 * Reads the blocks of the guide: whole files, lines to add to one, and commands.
 */
export const blocksOf = (guide: string): { kind: string; file: string; text: string }[] =>
  [...guide.matchAll(/^```(ts|diff|sh) ?(\S*)\n(.*?)^```$/gms)].map(([, kind = '', file = '', text = '']) => ({ kind, file, text }));

/**
 * Writes the files of the guide into a project, for a domain of this name.
 * @param name in the singular, in lower-case letters.
 * @returns the files that were written or changed.
 * @throws {Error} if the domain exists, or a file does not fit the guide.
 */
export function writeDomain(project: string, name: string): string[] {
  if (!/^[a-z]+$/.test(name))
    throw new Error('Name the domain in the singular, in lower-case letters: npm run new:domain -- apprenticeship');
  if (existsSync(join(project, 'src', 'entities', `${name}.ts`))) throw new Error(`The domain ${name} exists already.`);
  const contents = filesOf(project, name);
  for (const [file, text] of contents) {
    mkdirSync(dirname(join(project, file)), { recursive: true });
    writeFileSync(join(project, file), text);
  }
  return [...contents.keys()];
}

/**
 * Returns the files of a new domain with their contents.
 * @throws {Error} if a file does not fit the guide.
 */
export function filesOf(project: string, name: string): ReadonlyMap<string, string> {
  const guide = renamed(readFileSync(join(project, 'docs', 'domain.md'), 'utf8'), name);
  const contents = new Map<string, string>();
  for (const { kind, file, text } of blocksOf(guide)) {
    if (kind === 'ts') contents.set(file, text);
    if (kind === 'diff') contents.set(file, patched(contents.get(file) ?? readFileSync(join(project, file), 'utf8'), text));
  }
  // the guide uses perl here, because a diff adds whole lines
  const index = 'src/permissions/index.ts';
  contents.set(index, String(contents.get(index)).replace(/^const domains = \[/m, `$&${name}, `));
  return contents;
}

function renamed(text: string, name: string): string {
  if (name === example) return text;
  const capital = (word: string): string => word.charAt(0).toUpperCase() + word.slice(1);
  return text.replaceAll(example, name).replaceAll(capital(example), capital(name));
}

/**
 * Adds the lines with a plus after the unchanged lines before them, which must exist. `@@` restarts at the beginning of
 * the file.
 */
export function patched(source: string, patch: string): string {
  const lines = source.split('\n');
  let line = 0;
  for (const each of patch.split('\n').slice(0, -1)) {
    if (each === '@@') line = 0;
    else if (each.startsWith('+')) lines.splice(line++, 0, each.slice(1));
    else {
      const found = lines.indexOf(each.slice(1), line);
      if (found < 0) throw new Error(`"${each.slice(1)}" is not where the guide says.`);
      line = found + 1;
    }
  }
  return lines.join('\n');
}

if (process.argv[1] === import.meta.filename) {
  try {
    const written = writeDomain(join(import.meta.dirname, '..'), process.argv[2] ?? '');
    console.log(
      `${written.join('\n')}\nReplace the example's fields and rules, then run the commands of docs/domain.md from "The generated files" on.`,
    );
  } catch (error) {
    console.error((error as Error).message);
    process.exitCode = 1;
  }
}
