// Compiles the sources: `npm run build`. Other commands call `prepareBuild`, which compiles only what changed.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { basename, join, relative, resolve } from 'node:path';

export const project = join(import.meta.dirname, '..');
const compiled = ['src', 'seeds', 'migrations', 'mikro-orm.config.ts', 'tsconfig.json', 'tsconfig.build.json', 'package-lock.json'];
/** The folder with notes about a build: the hash of its sources, and one file per process that runs from it. */
const notes = '.build';

/**
 * Finds or creates a build of the current sources. If another process runs from the build, it is not changed, and a
 * second folder is used.
 * @returns {string | null} the folder, or null after compiler errors, which are printed.
 */
export function prepareBuild() {
  const dist = join(project, 'dist');
  if (!existsSync(join(project, 'src'))) return dist; // an installation without sources
  const hash = hashOfSources();
  if (compiler() === null) return withoutCompiler(dist, hash);
  const folders = [dist, ...Array.from({ length: 8 }, (_, at) => join(project, '.unionhall', `dist-${at + 1}`))];
  const current = folders.find((folder) => hashOf(folder) === hash);
  const folder = current ?? folders.find((each) => usersOf(each).length === 0);
  if (folder === undefined) throw new Error('Too many processes run from outdated builds. Stop some of them.');
  noteUse(folder);
  return current !== undefined || compile(folder, hash) ? folder : null;
}

/** Compiles into dist. @returns {boolean} whether it compiled. */
export function build() {
  const dist = join(project, 'dist');
  const hash = hashOfSources();
  if (hashOf(dist) === hash) return true;
  const [user] = usersOf(dist);
  if (user !== undefined) {
    console.error(`Nothing was compiled: the process ${user} runs from dist. Stop it first.`);
    return false;
  }
  return compile(dist, hash);
}

/**
 * Records that a process runs from a build, so that no other process replaces it.
 * @param {string} folder
 * @param {number} [pid]
 */
export function noteUse(folder, pid = process.pid) {
  const file = join(folder, notes, String(pid));
  try {
    mkdirSync(join(folder, notes), { recursive: true });
    writeFileSync(file, '');
    process.on('exit', () => rmSync(file, { force: true }));
  } catch {
    // only its owner replaces a folder that this user cannot write to
  }
}

/** @param {string} dist @param {string} hash */
function withoutCompiler(dist, hash) {
  if (!existsSync(join(dist, 'src', 'main.js'))) {
    console.error('There is no build and no compiler. Run `npm ci && npm run build`, then `npm prune --omit=dev`.');
    return null;
  }
  if (hashOf(dist) !== hash) console.error('The build in dist differs from the sources, and no compiler is installed. It runs as it is.');
  noteUse(dist);
  return dist;
}

/** @returns {string | null} the compiler's program; null if development dependencies are missing. */
function compiler() {
  try {
    return join(createRequire(import.meta.url).resolve('typescript/package.json'), '..', 'bin', 'tsc');
  } catch {
    return null;
  }
}

/** @param {string} folder @param {string} hash */
function compile(folder, hash) {
  rmSync(join(folder, notes, 'hash'), { force: true });
  const options = ['-p', join(project, 'tsconfig.build.json'), '--outDir', folder, '--noEmitOnError', '--listEmittedFiles', '--pretty'];
  const { status, stdout } = spawnSync(process.execPath, [String(compiler()), ...options], {
    cwd: project,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const lines = stdout.split(/\r?\n/);
  const emitted = lines.filter((line) => line.startsWith('TSFILE: ')).map((line) => resolve(project, line.slice('TSFILE: '.length)));
  const problems = lines.filter((line) => line !== '' && !line.startsWith('TSFILE: '));
  if (problems.length > 0) console.error(problems.join('\n'));
  if (status !== 0) return false;
  prune(folder, new Set(emitted));
  mkdirSync(join(folder, notes), { recursive: true });
  writeFileSync(join(folder, notes, 'hash'), hash);
  return true;
}

/** @param {string} folder @param {ReadonlySet<string>} emitted */
function prune(folder, emitted) {
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
    const file = join(entry.parentPath, entry.name);
    if (entry.isFile() && !emitted.has(file) && basename(entry.parentPath) !== notes) rmSync(file, { force: true });
  }
}

function hashOfSources() {
  const hash = createHash('sha256');
  for (const name of compiled) {
    const top = join(project, name);
    for (const file of filesIn(top)) hash.update(relative(project, file)).update('\0').update(readFileSync(file)).update('\0');
  }
  return hash.digest('hex');
}

/** @param {string} top */
function filesIn(top) {
  if (/\.\w+$/.test(top)) return existsSync(top) ? [top] : [];
  return readdirSync(top, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .toSorted();
}

/** @param {string} folder */
function hashOf(folder) {
  const file = join(folder, notes, 'hash');
  return existsSync(file) ? readFileSync(file, 'utf8') : null;
}

/** The live processes that run from a build, without this one. @param {string} folder */
function usersOf(folder) {
  const place = join(folder, notes);
  const ids = existsSync(place) ? readdirSync(place).map(Number) : [];
  return ids.filter((id) => id > 0 && id !== process.pid && isAlive(id));
}

/** @param {number} id */
function isAlive(id) {
  try {
    process.kill(id, 0);
    return true;
  } catch (error) {
    return /** @type {NodeJS.ErrnoException} */ (error).code === 'EPERM';
  }
}

if (import.meta.main ?? process.argv[1] === import.meta.filename) process.exitCode = build() ? 0 : 1;
