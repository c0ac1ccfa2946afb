// Reads .env for the npm scripts.
import { existsSync, readFileSync } from 'node:fs';
import { parseEnv } from 'node:util';

/**
 * Reads the variables of a file as UTF-8, with or without a byte order mark.
 * @param {string} file
 * @returns {Record<string, string>}
 * @throws {Error} when the file has another encoding: some or all of its lines would be lost.
 */
export function readEnvironment(file) {
  const bytes = readFileSync(file);
  const encoding = foreignEncoding(bytes);
  if (encoding !== null) throw new Error(`${file} is ${encoding}. Save it as UTF-8.`);
  return /** @type {Record<string, string>} */ (parseEnv(new TextDecoder().decode(bytes)));
}

/**
 * Adds the variables of .env, if it exists, to the environment. A variable that is already set keeps its value. If the
 * file cannot be read, it prints the reason and ends the process.
 * @param {string} file
 * @returns {string[]} the names that were read.
 */
export function loadEnvironment(file = '.env') {
  if (!existsSync(file)) return [];
  try {
    const read = readEnvironment(file);
    for (const [name, value] of Object.entries(read)) process.env[name] ??= value;
    return Object.keys(read);
  } catch (error) {
    console.error(/** @type {Error} */ (error).message);
    process.exit(1);
  }
}

/**
 * Warns about names that are not settings, because a misspelled one would be ignored.
 * @param {string[]} names
 * @param {object} variables
 */
export function warnOfUnknown(names, variables) {
  const unknown = names.filter((name) => !Object.hasOwn(variables, name));
  if (unknown.length > 0) console.error(`.env has unknown settings: ${unknown.join(', ')}. docs/configuration.md lists all settings.`);
}

/** @param {Buffer} bytes */
function foreignEncoding(bytes) {
  const [first, second] = bytes;
  if (first === 0xff && second === 0xfe) return 'UTF-16 (little endian)';
  if (first === 0xfe && second === 0xff) return 'UTF-16 (big endian)';
  if (bytes.includes(0)) return 'UTF-16 or UTF-32 without a byte order mark, or not text';
  try {
    new TextDecoder('utf-8', { fatal: true }).decode(bytes);
    return null;
  } catch {
    return 'not UTF-8, possibly Windows-1252';
  }
}
