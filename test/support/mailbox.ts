import type { SqlEntityManager } from '@mikro-orm/postgresql';
import type { Database } from '../../src/database/index.ts';
import type { Keyring } from '../../src/services/crypto/keyring.ts';
import type { Message } from '../../src/services/mail/transport.ts';
import { deliver } from '../../src/services/mail/worker.ts';

/** A mail in a mailbox. */
export interface Letter extends Message {
  /** The token in the mail; empty without one. */
  readonly token: string;
}

/** The parts of a local that deliver mail. */
export interface PostOffice {
  readonly database: Database;
  readonly keyring: Keyring;
  readonly now: () => Date;
}

/**
 * Delivers the waiting mails to memory whenever a mailbox is opened, as the worker would. A mail exists as soon as its
 * transaction is committed, so no test waits for it.
 */
export class Mailboxes {
  readonly #letters: Letter[] = [];
  readonly warnings: string[] = [];

  constructor(private readonly office: PostOffice) {}

  /** Returns the mails to an address so far, the latest last. */
  async of(address: string): Promise<readonly Letter[]> {
    await this.#deliver();
    return this.#letters.filter(({ to }) => to.toLowerCase() === address.toLowerCase());
  }

  /** Returns the token of the latest mail to an address. Throws without a mail. */
  async tokenOf(address: string): Promise<string> {
    const token = (await this.of(address)).at(-1)?.token;
    if (!token) throw new Error(`The latest mail to ${address} brings no token.`);
    return token;
  }

  async #deliver(): Promise<void> {
    const { database, keyring, now } = this.office;
    const transport = {
      send: (message: Message): Promise<void> => {
        this.#letters.push({ ...message, token: tokenForm.exec(message.text)?.[0] ?? '' });
        return Promise.resolve();
      },
    };
    const em = database.orm.em.fork() as SqlEntityManager;
    const settings = { publicUrl: 'https://union.example', timeZone: 'America/New_York' };
    const tools = { em, keyring, now, transport, settings, warn: (message: string) => this.warnings.push(message) };
    for (const { id, data } of await taken(database)) await deliver(tools, data, id, AbortSignal.timeout(10_000));
  }
}

/** If a link contains a token, the token also appears alone further down. */
const tokenForm = /(?<=\n)(?:prt1|evt1)\.[A-Za-z0-9_.-]+(?=\n)/;

async function taken({ run }: Database): Promise<{ id: string; data: unknown }[]> {
  const rows = await run(
    `update pgboss.job set state = 'completed', completed_on = now() where name = 'mail' and state = 'created'
     returning id::text as id, data::text as data, created_on::text as at`,
  );
  const jobs = rows as unknown as { id: string; data: string; at: string }[];
  return [...jobs].sort((a, b) => (a.at < b.at ? -1 : 1)).map(({ id, data }) => ({ id, data: JSON.parse(data) as unknown }));
}
