import { badLines, findClashes, passOver } from './clash.ts';
import { ImportError } from '../../record/csv.ts';
import { importing, type ImportOptions, type ImportOutcome } from '../../record/import.ts';
import { linesOf } from './lines.ts';
import { stage } from './stage.ts';
import { addStaged, namesTaken, type UserImportScope } from './write.ts';

/**
 * Adds the users of a file of JSON lines, all or none, each once. Each line is `{ username, email, firstName, lastName,
 * roles, hash }`, optionally with `memberNumber` and `isActive`. Their old passwords work, and are hashed again at
 * their first use. Memory use does not depend on the length of the file.
 * @throws {ImportError} if the file has no lines, or a name was taken during the import.
 */
export async function importUsers(
  scope: UserImportScope,
  source: AsyncIterable<Uint8Array>,
  { isTrial, report, progress = () => undefined }: Pick<ImportOptions, 'isTrial' | 'progress' | 'report'>,
): Promise<ImportOutcome> {
  return importing(scope, namesTaken, async (inner) => {
    const lines = await stage(inner, linesOf(source), (count) => progress('read', count));
    if (lines === 0) throw new ImportError('The file is empty: it must have one user per line.');
    const refused = await findClashes(inner);
    for await (const bad of badLines(inner)) report(bad);
    if (refused > 0) return { added: 0, alreadyThere: 0, refused };
    const alreadyThere = await passOver(inner);
    const added = isTrial ? lines - alreadyThere : await addStaged(inner, (count) => progress('added', count));
    return { added, alreadyThere, refused };
  });
}
