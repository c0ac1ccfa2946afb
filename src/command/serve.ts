import { stripVTControlCharacters, styleText } from 'node:util';
import type { SqlEntityManager } from '@mikro-orm/postgresql';
import type { Config } from '../config.ts';
import { ConnectionSource } from '../entities/setting.ts';
import { launch, type Service } from '../process/server.ts';
import { StoppedError } from '../process/start-up.ts';
import { startCleanup, startSealing } from '../process/periodic.ts';
import { isSaved } from '../services/setting/saved.ts';
import { closeAfter, mailOf, openUpdated } from '../process/work.ts';
import { tracingTo } from '../process/trace.ts';
import { flushLog, openLog } from '../process/log.ts';
import { placeOf, mailSources } from './opening.ts';
import { say, warn } from './operator.ts';

export async function start(config: Config): Promise<void> {
  outliveRejections(config);
  const output = operatorOutput(config);
  const launched = await launch(config, { announce: (text) => output.say(styleText('bold', text)) });
  let service: Service | undefined;
  stopOnSignal(async () => {
    const delay = service === undefined || config.environment === 'development' ? 0 : config.patience.stopDelay;
    const hasFinished = await launched.stop({ delay });
    if (!hasFinished) output.warn(`Stopped with unfinished work after ${config.patience.stop} s.`);
    return hasFinished;
  }, output);
  try {
    service = await launched.ready;
  } catch (error) {
    if (!(error instanceof StoppedError)) throw error;
    return;
  }
  output.say(await greeting(config, service));
}

/**
 * Logs each unhandled rejection and keeps the process running; by default, Node.js would exit. graphql-js 16 causes one
 * when an item of a list fails at once and another one fails later.
 */
function outliveRejections({ logLevel }: Config): void {
  const log = openLog(logLevel);
  process.on('unhandledRejection', (reason) => log.error({ err: reason }, 'unhandled promise rejection'));
}

/** The output of a long-running process for its operator. */
interface OperatorOutput {
  readonly say: (text: string) => void;
  readonly warn: (text: string) => void;
}

/** In production, standard output has only JSON lines. LOG_LEVEL does not apply: the set-up token is printed nowhere else. */
function operatorOutput({ environment }: Config): OperatorOutput {
  if (environment !== 'production') return { say, warn };
  const log = openLog('info');
  const each = (text: string): string[] => stripVTControlCharacters(text).split('\n');
  return {
    say: (text) => each(text).forEach((line) => log.info(line)),
    warn: (text) => each(text).forEach((line) => log.warn(line)),
  };
}

async function greeting(config: Config, service: Service): Promise<string> {
  const { place, url, setupToken, database } = service;
  const isEmbedded = database.engine === 'embedded' && config.environment !== 'production';
  const isSeeded = service.hasSeeded || (isEmbedded && config.seedWhenEmpty !== false);
  const { seededAccounts } = isSeeded ? await import('../../seeds/account.ts') : {};
  return [
    `Unionhall answers at ${styleText('bold', `${url}/graphql`)} after ${(performance.now() / 1000).toFixed(1)} s.`,
    ...(config.offersPlayground ? [`Start page with the playground: ${styleText('bold', `${url}/`)}`] : []),
    ...(service.metricsUrl === null ? [] : [`Metrics: ${service.metricsUrl}`]),
    await describePlace(config, place.source),
    ...(setupToken === null
      ? []
      : [`The instance has no owner yet. Set-up token for setupOwner: ${styleText('bold', setupToken)}`]),
    ...(seededAccounts
      ? [
          'Seeded logins:',
          ...seededAccounts.map(
            ({ username, password, role }) => `  ${username.padEnd(11)} ${password.padEnd(15)} ${role}`,
          ),
        ]
      : []),
  ].join('\n');
}

async function describePlace(config: Config, source: ConnectionSource): Promise<string> {
  if (source === ConnectionSource.EMBEDDED)
    return `Database: embedded, in ${config.dataDirectory}. It serves one process and is meant for development.`;
  if (source === ConnectionSource.SAVED) return 'Database: PostgreSQL server saved in the settings.';
  const isIdle = await isSaved(config.configDirectory);
  return `Database: PostgreSQL server in DATABASE_URL${isIdle ? '; the saved connection is not used' : ''}.`;
}

/**
 * Shuts down gracefully on the first signal, and at once on the second. One Ctrl+C may arrive twice, from the terminal and
 * from npm, so a signal within 300 ms of the first is ignored.
 */
function stopOnSignal(stop: () => Promise<boolean>, output: OperatorOutput): void {
  let since: number | null = null;
  const numbers = { SIGINT: 2, SIGTERM: 15 } as const;
  for (const signal of ['SIGINT', 'SIGTERM'] as const)
    process.on(signal, () => {
      if (since !== null && performance.now() - since > 300) process.exit(128 + numbers[signal]);
      if (since !== null) return;
      since = performance.now();
      void stop()
        .catch((error: unknown) => {
          output.warn(`Shutdown failed: ${(error as Error).name}`);
          return false;
        })
        .then(async (hasFinished) => {
          await flushLog();
          process.exit(hasFinished ? 0 : 1);
        });
    });
}

/**
 * Sends mail, cleans up and seals the audit log until a stop signal, without serving requests. Any number of workers may
 * run beside services with MAIL_WORKER=0.
 */
export async function work(config: Config): Promise<void> {
  outliveRejections(config);
  const output = operatorOutput(config);
  const tracing = await tracingTo(config.traceEndpoint);
  const trace = tracing ? { trace: tracing.trace } : {};
  const database = await openUpdated(config, await placeOf(config));
  try {
    const room = { ...(await mailSources(config, database)), warn: output.warn, ...trace };
    const mail = await mailOf({ ...config, mail: { ...config.mail, sends: true } }, room);
    const em = database.orm.em as SqlEntityManager;
    const cleanup = startCleanup({
      scope: { em, ...room, rules: config.sessions, mail: mail.queue },
      every: config.cleanupEvery,
      warn: output.warn,
      ...trace,
    });
    const sealing = startSealing({ em, keyring: room.keyring, every: config.sealEvery, warn: output.warn, ...trace });
    stopOnSignal(async () => {
      await closeAfter(database, [cleanup.stop(), sealing.stop(), mail.stop(config.patience.stop * 1000)]);
      await tracing?.stop();
      return true;
    }, output);
    output.say('Worker ready: it sends mail, deletes expired records and seals the audit log.');
  } catch (error) {
    await database.close();
    throw error;
  }
}
