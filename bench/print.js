/** @param {string} text */
export const say = (text) => void process.stdout.write(`${text}\n`);

/** @param {string} text */
export const heading = (text) => say(`\n${text}\n${'─'.repeat(text.length)}`);

/**
 * Prints a table. The first column is aligned to the left, and columns of numbers to the right.
 *
 * @param {readonly string[]} names
 * @param {readonly (readonly (string | number)[])[]} rows
 */
export function table(names, rows) {
  const cells = [names, ...rows.map((row) => row.map(String))];
  const widths = names.map((_, column) => Math.max(...cells.map((row) => row[column].length)));
  const isNumeric = names.map((_, column) => rows.every((row) => /^[\d.,%–~ …]*$/.test(String(row[column]))));
  for (const [at, row] of cells.entries()) {
    say(
      `  ${row.map((cell, column) => (isNumeric[column] ? cell.padStart(widths[column]) : cell.padEnd(widths[column]))).join('  ')}`.trimEnd(),
    );
    if (at === 0) say(`  ${widths.map((width) => '-'.repeat(width)).join('  ')}`);
  }
}

/** @param {readonly number[]} values */
export function median(values) {
  const ordered = [...values].sort((a, b) => a - b);
  const middle = Math.floor(ordered.length / 2);
  return ordered.length % 2 === 1 ? ordered[middle] : (ordered[middle - 1] + ordered[middle]) / 2;
}

/**
 * Formats the ratios of all rounds as their median and range.
 *
 * @param {readonly number[]} ratios
 */
export const spread = (ratios) => `${Math.min(...ratios).toFixed(2)}–${Math.max(...ratios).toFixed(2)}`;

/**
 * @param {number} ratio
 * @param {number | undefined} target
 */
export const verdict = (ratio, target) => (target === undefined ? '' : ratio >= target ? 'reached' : 'missed');

/**
 * Formats throughputs of the same rounds as ratios.
 *
 * @param {string} question
 * @param {string} other
 * @param {readonly { perSecond: number }[]} ours
 * @param {readonly { perSecond: number }[]} theirs
 * @param {number} [target]
 */
export function ratioRow(question, other, ours, theirs, target) {
  const ratios = ours.map(({ perSecond }, round) => perSecond / theirs[round].perSecond);
  const ratio = median(ratios);
  return [question, other, ratio.toFixed(2), spread(ratios), target?.toFixed(2) ?? '', verdict(ratio, target)];
}

/** @typedef {{ cpu: number | null, databaseCpu: number | null }} Used */

/**
 * Adds the CPU of process and database. Other load on the machine affects this less than the throughput.
 *
 * @param {readonly Used[]} ours
 * @param {readonly Used[]} theirs
 */
export function cpuRatio(ours, theirs) {
  const cost = (/** @type {readonly Used[]} */ turns) => median(turns.map(({ cpu, databaseCpu }) => (cpu ?? NaN) + (databaseCpu ?? NaN)));
  const ratio = cost(theirs) / cost(ours);
  return Number.isNaN(ratio) ? '–' : ratio.toFixed(2);
}

/** @param {number | null | undefined} bytes */
export const megabytes = (bytes) => (bytes == null ? '–' : (bytes / 2 ** 20).toFixed(0));
