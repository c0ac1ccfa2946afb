import { usageOf } from './contenders/index.js';

/**
 * Adds the CPU milliseconds per request, of the process and of its database connections.
 *
 * @template {{ count: number }} Result
 * @param {Pick<import('./database.js').Bench, 'pool'>} bench
 * @param {{ pid: number }} process
 * @param {() => Promise<Result>} work
 * @returns {Promise<Result & { cpu: number | null, databaseCpu: number | null }>}
 */
export async function counted({ pool }, { pid }, work) {
  const { rows } = await pool.query(
    `select pid from pg_stat_activity where datname = current_database() and backend_type = 'client backend' and application_name <> 'unionhall_bench'`,
  );
  const pids = [pid, ...rows.map((row) => row.pid)];
  const usage = () => Promise.all(pids.map(usageOf));
  const before = await usage();
  const result = await work();
  const after = await usage();
  const used = pids.map((_, at) => (before[at] && after[at] ? after[at].cpu - before[at].cpu : null));
  // unused connections are closed meanwhile
  const databaseUsed = used.slice(1).filter((each) => each !== null);
  const each = (/** @type {number} */ seconds) => (seconds * 1000) / result.count;
  return {
    ...result,
    cpu: used[0] === null ? null : each(used[0]),
    databaseCpu: databaseUsed.length === 0 ? null : each(databaseUsed.reduce((sum, one) => sum + one, 0)),
  };
}
