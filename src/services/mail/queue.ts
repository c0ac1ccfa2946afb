import { setTimeout } from 'node:timers/promises';
import type { SqlEntityManager } from '@mikro-orm/postgresql';
import { fromKysely, PgBoss, type Db, type JobResult } from 'pg-boss';
import { mailJob, type MailJob, type DeliveryOutcome } from './job.ts';

/** The timing of the queue. All in seconds, except for the number of tries. */
export interface MailPace {
  /** The maximum number of tries per mail. */
  readonly tries: number;
  /**
   * The wait after the first failed try. It doubles with each try, and random jitter adds up to the same time again.
   */
  readonly firstWait: number;
  readonly longestWait: number;
  /** The interval at which a worker polls for mail. At least half a second. */
  readonly lookEvery: number;
  /**
   * The maximum duration of one try. A worker that is silent for longer is considered dead, and another takes its mail.
   */
  readonly patience: number;
  /** The interval at which dead workers are detected. */
  readonly checkEvery: number;
}

/** Retries for most of a day: seven times in the first two hours, then once an hour. */
export const usualPace: MailPace = {
  tries: 24,
  firstWait: 30,
  longestWait: 3600,
  lookEvery: 2,
  patience: 120,
  checkEvery: 30,
};

export interface QueueOptions {
  /** Whether this process maintains the queue: releases the mail of dead workers and removes old mail. */
  readonly supervises: boolean;
  readonly pace?: MailPace;
  /** Called for problems of the queue itself. */
  readonly warn: (message: string) => void;
}

/** Sends one mail, or returns why not. Never throws. */
export type Deliver = (data: unknown, id: string, signal: AbortSignal) => Promise<DeliveryOutcome>;

const name = 'mail';
const deadLetters = 'mail-dead';
const day = 86_400;
const nobody = '00000000-0000-0000-0000-000000000000';

/** The number of mails that one process sends at a time. */
const lanes = 2;

/** The number of dead letters that one statement puts back. */
const most = 1000;

/**
 * A mail queue in the service's own database, in the schema `pgboss`. The transaction that causes a mail enqueues it. A
 * mail is sent at least once: it is retried until it is known to be sent or becomes a dead letter.
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

  /** Creates what the queue needs in the database if it is missing. Several nodes may do so at once. */
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
    // pg-boss loads a queue's settings at the first use, which must not be inside the only connection's transaction.
    await this.#boss.findJobs(name, { id: nobody });
  }

  /**
   * Adds a mail to the entity manager's transaction: it is sent only if that commits. @throws {Error} outside a
   * transaction, because the mail could then be about a change that was rolled back.
   */
  async enqueue(em: SqlEntityManager, job: MailJob): Promise<void> {
    const transaction = em.getTransactionContext();
    if (transaction === undefined)
      throw new Error('Mail must be enqueued in the transaction that causes it, but no transaction is open.');
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
        this.#boss.notifyWorker(id); // there may be more, so it polls again at once
        return [resultOf(job.id, verdict)];
      });
      this.#working.push(id);
    }
  }

  /** Puts the dead letters back into the queue, for example after the cause was fixed. @returns the number of mails. */
  async redrive(): Promise<number> {
    let moved = 0;
    for (let last = most; last === most; moved += last)
      last = await this.#boss.redrive(deadLetters, { destination: name, limit: most });
    return moved;
  }

  /**
   * Takes no more mail, waits this many milliseconds for the mails that are being sent, and releases the rest. Any
   * worker sends those after their wait.
   */
  async stop(patience = 10_000): Promise<void> {
    const idle = Promise.all(this.#working.map((id) => this.#boss.offWork(name, { id, wait: true })));
    await Promise.race([idle, setTimeout(patience, null, { ref: false })]);
    await this.#boss.stop({ graceful: false });
    await idle;
  }
}

/** Describes what the mail queue lacks in the database. Null if it is complete. */
export async function queueProblem(
  run: (text: string, parameters: readonly unknown[]) => Promise<readonly object[]>,
): Promise<string | null> {
  const [tables] = await run(
    `select to_regclass('pgboss.queue') is not null and to_regclass('pgboss.job') is not null as exist`,
    [],
  );
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

/** While the database is unreachable, every poll fails. Only one warning a minute is useful. */
function atMostOnceAMinute<T>(hear: (said: T) => void): (said: T) => void {
  let quietUntil = 0;
  return (said) => {
    if (Date.now() < quietUntil) return;
    quietUntil = Date.now() + 60_000;
    hear(said);
  };
}
