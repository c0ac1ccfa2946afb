import { headersOf, loginBody } from './contenders/index.js';
import { heading, median, table } from './print.js';

/** Refused users and the reasons, with a password that no user has. */
const refused = { unknown: 'nobody', wrong: 'staff', locked: 'instructor', inactive: 'testuser' };

/** The number of requests of each kind in one round. */
const times = 25;

/**
 * Measures how long a refused sign-in takes for each reason. The time must not reveal the reason. Requests are sent one
 * after the other, in a new order each time, so that other load affects all reasons alike.
 *
 * @param {{ bench: import('./database.js').Bench, contenders: readonly { url: string }[], options: { rounds: number }
 * }} setting
 */
export async function refusals({ bench, contenders: [service], options }) {
  heading('A refused sign-in, by its reason');
  const reasons = Object.keys(refused);
  const took = new Map(reasons.map((reason) => [reason, /** @type {number[]} */ ([])]));
  await bench.pool.query(`update users set is_active = false where username = $1`, [refused.inactive]);
  for (let n = 0; n < times * options.rounds; n += 1) {
    await bench.pool.query(
      `update users set failed_login_attempts = 0, locked_until = case when username = $2 then now() + interval '1 hour' end
       where username in ($1, $2)`,
      [refused.wrong, refused.locked],
    );
    for (let place = 0; place < reasons.length; place += 1) {
      const reason = reasons[(n + place) % reasons.length];
      took.get(reason)?.push(await timeOf(service.url, refused[reason]));
    }
  }
  const [first] = took.values();
  table(
    ['reason', 'median ms', 'of unknown'],
    [...took].map(([reason, each]) => [reason, median(each).toFixed(1), (median(each) / median(first)).toFixed(3)]),
  );
}

/**
 * @param {string} url
 * @param {string} username
 */
async function timeOf(url, username) {
  const body = JSON.stringify(loginBody(username, 'not the password of anybody'));
  const began = performance.now();
  const response = await fetch(url, { method: 'POST', headers: headersOf(), body });
  const text = await response.text();
  const took = performance.now() - began;
  if (!text.includes('BAD_CREDENTIALS')) throw new Error(`A sign-in with a wrong password was answered ${text.slice(0, 300)}`);
  return took;
}
