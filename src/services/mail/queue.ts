import { setTimeout } from 'node:timers/promises';
import type { SqlEntityManager } from '@mikro-orm/postgresql';
import { fromKysely, PgBoss, type Db, type JobResult } from 'pg-boss';
import { mailJob, type MailJob, type DeliveryOutcome } from './job.ts';

/** How persistent the queue is: all in seconds, but for the tries. */
export interface MailPace {
  /** How often one mail is tried at most. */
  readonly tries: number;
  /** The wait after the first try that failed; it doubles with each, and is up to twice as long by chance. */
  readonly firstWait: number;
  readonly longestWait: number;
  /** How often a worker looks for mail. At least half a second. */
  readonly lookEvery: number;
  /** How long one try may take. A worker that is silent for longer has died, and its mail is another's. */
  readonly patience: number;
  /** How often dead workers are looked for. */
  readonly checkEvery: number;
}

/** Tries for most of a day: seven times in the first two hours, then once an hour. */
export const usualPace: MailPace = { tries: 24, firstWait: 30, longestWait: 3600, lookEvery: 2, patience: 120, checkEvery: 30 };

export interface QueueOptions {
  /** Whether this process looks after the queue: gives back what dead workers held, and removes what is old. */
  readonly supervises: boolean;
  readonly pace?: MailPace;
  /** Hears what goes wrong with the queue itself. */
  readonly warn: (message: string) => void;
}

/** Sends one mail, or says why not. It does not throw. */
export type Deliver = (data: unknown, id: string, signal: AbortSignal) => Promise<DeliveryOutcome>;

const name = 'mail';
const deadLetters = 'mail-dead';
const day = 86_400;
const nobody = '00000000-0000-0000-0000-000000000000';

/** How many mails one process sends at a time. */
const lanes = 2;

/** How many dead letters one statement puts back. */
const most = 1000;

/**
 * Mail that waits in the service's own database, in the schema `pgboss`. A mail is enqueued by the transaction that
 * causes it, and sent at least once: again where it is not known to have been sent, until it is, or is a dead letter.
 */
export class MailQueue {
  readonly #boss: PgBoss;
  readonly #pace: MailPace;
  readonly #working: string[] = [];

  constructor(db: Db, { supervises, pace = usualPace, warn }: QueueOptions) {
    this.#pace = pace;
    this.#boss = new PgBoss({
      db,
      schedule: false,
      supervise: supervises,
      superviseIntervalSeconds: pace.checkEvery,
      monitorIntervalSeconds: pace.checkEvery,
      flowIntervalSeconds: 3600,
    });
    const complain = atMostOnceAMinute(({ message }: { message: string }) => warn(`Mail queue: ${message}`));
    this.#boss.on('error', complain).on('warning', complain);
  }

  /** Makes what the queue needs in the database where it is missing; any number of nodes may do so at once. */
  async start(): Promise<void> {
    await this.#boss.start();
    const { tries, firstWait, longestWait, patience } = this.#pace;
    const terms = {
      retryLimit: tries - 1,
      retryDelay: firstWait,
      retryBackoff: true,
      retryDelayMax: longestWait,
      expireInSeconds: patience,
      deleteAfterSeconds: day,
      deadLetter: deadLetters,
    };
    await this.#boss.createQueue(deadLetters, { retentionSeconds: 90 * day });
    await this.#boss.createQueue(name, terms);
    await this.#boss.updateQueue(name, terms);
    // pg-boss reads what it knows of a queue at the first use, which must not be inside the only connection's transaction.
    await this.#boss.findJobs(name, { id: nobody });
  }

  /**
   * Adds a mail to the transaction that the entity manager is in: it is sent when that is committed, and never if it is
   * not. @throws {Error} outside a transaction: such a mail could be about what never happened.
   */
  async enqueue(em: SqlEntityManager, job: MailJob): Promise<void> {
    const transaction = em.getTransactionContext();
    if (transaction === undefined) throw new Error('Mail must be enqueued in the transaction that causes it, but no transaction is open.');
    await this.#boss.send(name, mailJob.parse(job), { db: fromKysely(transaction) });
  }

  /** Starts to send the queued mails. */
  async work(deliver: Deliver): Promise<void> {
    for (let lane = 0; lane < lanes; lane++) {
      const options = { pollingIntervalSeconds: this.#pace.lookEvery, perJobResults: true } as const;
      let id = '';
      id = await this.#boss.work(name, options, async ([job]): Promise<JobResult[]> => {
        if (job === undefined) return [];
        const verdict = await deliver(job.data, job.id, job.signal);
        this.#boss.notifyWorker(id); // where there was one, there may be more: it looks again at once
        return [resultOf(job.id, verdict)];
      });
      this.#working.push(id);
    }
  }

  /** Puts the dead letters back into the queue, as when what refused them was mended. @returns how many were put there. */
  async redrive(): Promise<number> {
    let moved = 0;
    for (let last = most; last === most; moved += last) last = await this.#boss.redrive(deadLetters, { destination: name, limit: most });
    return moved;
  }

  /**
   * Takes no more mail, waits so many milliseconds for what is being sent, and gives the rest back: any worker sends it
   * after its wait.
   */
  async stop(patience = 10_000): Promise<void> {
    const idle = Promise.all(this.#working.map((id) => this.#boss.offWork(name, { id, wait: true })));
    await Promise.race([idle, setTimeout(patience, null, { ref: false })]);
    await this.#boss.stop({ graceful: false });
    await idle;
  }
}

/** Says what is missing of the mail queue in the database. Null if it is complete. */
export async function queueProblem(
  run: (text: string, parameters: readonly unknown[]) => Promise<readonly object[]>,
): Promise<string | null> {
  const [tables] = await run(`select to_regclass('pgboss.queue') is not null and to_regclass('pgboss.job') is not null as exist`, []);
  const [queue] =
    (tables as { exist?: boolean } | undefined)?.exist === true
      ? await run(`select 1 as one from pgboss.queue where name = $1`, [name])
      : [];
  return queue ? null : 'The mail queue is missing. Run npm run db:migrate.';
}

function resultOf(id: string, verdict: DeliveryOutcome): JobResult {
  if (verdict.is === 'done') return { id, status: 'completed' };
  return { id, status: verdict.is === 'refused' ? 'deadletter' : 'failed', output: { reason: verdict.reason } };
}

/** While the database is away, every look into it fails: one of those is news. */
function atMostOnceAMinute<T>(hear: (said: T) => void): (said: T) => void {
  let quietUntil = 0;
  return (said) => {
    if (Date.now() < quietUntil) return;
    quietUntil = Date.now() + 60_000;
    hear(said);
  };
}
