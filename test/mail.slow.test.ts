import 'reflect-metadata';
import { createServer, type AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from '@jest/globals';
import type { SqlEntityManager } from '@mikro-orm/postgresql';
import type { Db } from 'pg-boss';
import { openDatabase, type Database } from '../src/database/index.ts';
import { queueDatabase } from '../src/database/queue.ts';
import { User } from '../src/entities/user.ts';
import { Keyring } from '../src/services/crypto/keyring.ts';
import { readMailedToken } from '../src/services/crypto/mailed.ts';
import { hashToken } from '../src/services/crypto/token.ts';
import {
  MailQueue,
  mailToken,
  securityAlerts,
  startMail,
  usualPace,
  type Mail,
  type MailJob,
  type MailPace,
  type MailParts,
} from '../src/services/mail/index.ts';
import { render } from '../src/services/mail/template.ts';
import { freshDatabase, serverDatabase } from './support/database.ts';
import { Clock } from './support/local.ts';
import { SmtpError, smtpServer, type Received, type SmtpOptions, type SmtpServer } from './support/smtp.ts';

type Engine = 'default' | 'embedded' | 'postgresql';

const quick: MailPace = { tries: 4, firstWait: 1, longestWait: 1, lookEvery: 0.5, patience: 4, checkEvery: 1 };
const from = 'Unionhall <no-reply@union.example>';
const tokenForm = /\b(?:prt1|evt1)\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+/;
const closing: (() => Promise<unknown>)[] = [];

afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

/** Mail on a separate database with its users, and what the tests need to observe it. */
class Post {
  readonly clock = new Clock();
  readonly warnings: string[] = [];
  readonly printed: string[] = [];
  keyring = Keyring.parse(Keyring.generate());

  private constructor(readonly database: Database) {}

  static async open(engine: Engine = 'default'): Promise<Post> {
    const database = await freshDatabase({ seeded: true, engine });
    closing.push(() => database.close());
    return new Post(database);
  }

  get em(): SqlEntityManager {
    return this.database.orm.em.fork() as SqlEntityManager;
  }

  /** Starts the mail of a process; by default one that only enqueues. */
  async start(parts: Partial<MailParts> = {}): Promise<Mail> {
    const mail = await startMail({
      em: this.em,
      db: await queueDatabase(this.database),
      keyring: this.keyring,
      now: this.clock.now,
      settings: { publicUrl: 'https://union.example/', timeZone: 'America/New_York' },
      smtp: null,
      print: null,
      sends: false,
      warn: (message) => this.warnings.push(message),
      pace: quick,
      ...parts,
    });
    closing.push(() => mail.stop(100));
    return mail;
  }

  /** Starts one that sends to a server. */
  async worker(url: string, parts: Partial<MailParts> = {}): Promise<Mail> {
    return await this.start({ smtp: { url, from }, sends: true, ...parts });
  }

  async user(username: string): Promise<User> {
    return await this.em.findOneOrFail(User, { username }, { filters: false });
  }

  async enqueue({ queue }: Mail, job: MailJob): Promise<void> {
    await this.em.transactional((em) => queue.enqueue(em, job));
  }

  async alert(mail: Mail, username = 'officer', alert: (typeof securityAlerts)[number] = 'account-locked'): Promise<void> {
    const { id: userId } = await this.user(username);
    await this.enqueue(mail, { kind: 'security-alert', userId, alert, at: this.clock.now().toISOString() });
  }

  async token({ queue }: Mail, kind: 'password-reset' | 'email-verification' | 'invitation', username = 'officer'): Promise<void> {
    const user = await this.user(username);
    const tools = { mail: queue, keyring: this.keyring, now: this.clock.now };
    await this.em.transactional((em) => mailToken({ em, ...tools }, { kind, user, lifetime: 1800 }));
  }

  async sql(text: string, params: unknown[] = []): Promise<readonly Record<string, unknown>[]> {
    return await this.database.run(text, params);
  }

  async jobs(name = 'mail'): Promise<readonly Record<string, unknown>[]> {
    return await this.sql(`select state::text, retry_count, data, output from pgboss.job where name = $1 order by created_on`, [name]);
  }

  async states(name = 'mail'): Promise<unknown[]> {
    return (await this.jobs(name)).map(({ state }) => state);
  }

  /** Waits until all mail was sent, dropped or refused. */
  async settled(): Promise<void> {
    await until(async () => (await this.states()).every((state) => state === 'completed' || state === 'failed'));
  }
}

async function until(isTrue: () => boolean | Promise<boolean>, patience = 100_000): Promise<void> {
  const deadline = Date.now() + patience;
  while (!(await isTrue())) {
    if (Date.now() > deadline) throw new Error(`It did not come about in ${patience / 1000} s: ${isTrue.toString()}`);
    await new Promise((resolve) => setTimeout(resolve, 40));
  }
}

async function smtp(options: SmtpOptions = {}): Promise<SmtpServer> {
  const server = await smtpServer(options);
  closing.push(() => server.close());
  return server;
}

/** Returns a port on which nothing listens. */
async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

const plain = (port: number, more = ''): string => `smtp://127.0.0.1:${port}?ignoreTLS=true&requireTLS=false${more}`;

describe.each<Engine>(['embedded', 'postgresql'])('mail on the %s engine', (engine) => {
  it('delivers each kind of token as text and HTML, with the stored token', async () => {
    const post = await Post.open(engine);
    const server = await smtp();
    const mail = await post.worker(server.url);
    await post.sql('update users set is_verified = false');
    const said = {
      'password-reset': [/asked for a new password .* "officer"/, 'reset-password', 'password_reset', 'prt1'],
      'email-verification': [/To confirm that it is yours/, 'verify-email', 'email_verification', 'evt1'],
      invitation: [/created the Unionhall account "officer" for you/, 'accept-invitation', 'password_reset', 'prt1'],
    } as const;
    for (const kind of ['password-reset', 'email-verification', 'invitation'] as const) {
      await post.token(mail, kind);
      await post.settled();
      const { to, subject, text, html, headers } = server.received.at(-1) as Received;
      const [sentence, path, type, scheme] = said[kind];
      const token = tokenForm.exec(text)?.[0] ?? '';
      expect(to).toBe('officer@unionhall.test');
      expect(subject).not.toBe('');
      expect(text).toMatch(sentence);
      expect(text).toContain(
        `https://union.example/${path}?token=${token}\n\nOr enter this code where you are asked for it:\n\n${token}\n`,
      );
      expect(text).toMatch(/This works once, until \w+ \d+, \d{4} at \d+:\d\d [AP]M E[SD]T\./);
      expect(text).toMatch(/If (?:this was not you|you did not expect)/);
      expect(html).toContain(`<a href="https://union.example/${path}?token=${token}">`);
      expect(html).toContain(`<code>${token}</code>`);
      expect(html).toMatch(/^<!doctype html>/);
      expect(headers).toMatchObject({ from, 'auto-submitted': 'auto-generated', to: 'officer@unionhall.test' });
      expect(headers['message-id']).toMatch(/^<[0-9a-f-]{36}@union\.example>$/);
      const [row] = await post.sql('select id, user_id, type from one_time_tokens where token_hash = $1', [hashToken(token)]);
      expect(row).toMatchObject({ type });
      expect(token.startsWith(`${scheme}.`)).toBe(true);
      expect(readMailedToken(post.keyring, type, token)).toEqual({ id: row?.['id'], userId: row?.['user_id'] });
    }
    expect(server.received).toHaveLength(3);
  });

  it('delivers each alert, and notifies the previous address of a new one', async () => {
    const post = await Post.open(engine);
    const server = await smtp();
    const mail = await post.worker(server.url);
    for (const alert of securityAlerts) await post.alert(mail, 'officer', alert);
    const { id: userId } = await post.user('officer');
    await post.enqueue(mail, { kind: 'email-changed', userId, formerEmail: 'former@unionhall.test', at: '2026-01-15T17:03:00.000Z' });
    await post.settled();
    expect(new Set(server.received.map(({ subject }) => subject)).size).toBe(securityAlerts.length + 1);
    for (const { text, html } of server.received) {
      expect(text).toContain('"officer"');
      expect(text).toContain('If this was not you');
      expect(html).toContain('&quot;officer&quot;');
      expect(text + html).not.toMatch(tokenForm);
    }
    const changed = server.received.filter(({ to }) => to === 'former@unionhall.test');
    expect(changed.map(({ subject }) => subject)).toEqual(['Your e-mail address was changed']);
    expect(changed[0]?.text).toContain('January 15, 2026 at 12:03 PM EST');
    expect(server.received.filter(({ to }) => to === 'officer@unionhall.test')).toHaveLength(securityAlerts.length);
  });

  it('is enqueued in the transaction that causes it, or not at all', async () => {
    const post = await Post.open(engine);
    const server = await smtp();
    const mail = await post.worker(server.url);
    const { id: userId } = await post.user('officer');
    const job = { kind: 'security-alert', userId, alert: 'password-changed', at: '2026-01-15T17:03:00.000Z' } as const;
    const user = await post.user('member');
    const tools = { mail: mail.queue, keyring: post.keyring, now: post.clock.now };
    const undone = post.em.transactional(async (em) => {
      await mail.queue.enqueue(em, job);
      await mailToken({ em, ...tools }, { kind: 'invitation', user, lifetime: 60 });
      await em.flush();
      throw new Error('undone');
    });
    await expect(undone).rejects.toThrow('undone');
    expect(await post.jobs()).toEqual([]);
    expect(await post.sql('select from one_time_tokens')).toEqual([]);
    await post.em.transactional(async (em) => {
      await mail.queue.enqueue(em, job);
      await em.nativeUpdate(User, { id: userId }, { firstName: 'Ada' }, { filters: false });
    });
    expect(await post.jobs()).toHaveLength(1);
    await post.settled();
    expect(server.received).toHaveLength(1);
    await expect(mail.queue.enqueue(post.em, job)).rejects.toThrow('in the transaction that causes it');
  });

  it('waits while the server is down, and is sent afterwards', async () => {
    const post = await Post.open(engine);
    const port = await freePort();
    const mail = await post.worker(plain(port));
    await post.token(mail, 'password-reset');
    await until(async () => (await post.states())[0] === 'retry');
    const server = await smtp({ port });
    await post.settled();
    expect(await post.states()).toEqual(['completed']);
    expect(server.received).toHaveLength(1);
    expect(post.warnings[0]).toMatch(/^Mail [0-9a-f-]{36} postponed: .* \(E[A-Z]+\)\.$/);
  });
});

describe('a mail', () => {
  it.each<[string, string, (post: Post) => Promise<unknown>]>([
    ['whose user is not active', '', (post) => post.sql(`update users set is_active = false where username = 'officer'`)],
    ['whose user was deleted', '', (post) => post.sql(`update users set deleted_at = now() where username = 'officer'`)],
    ['whose address is another', '', (post) => post.sql(`update users set email = 'new@unionhall.test' where username = 'officer'`)],
    ['whose token was used', '', (post) => post.sql('update one_time_tokens set used_at = now()')],
    ['whose token is gone', '', (post) => post.sql('delete from one_time_tokens')],
    ['whose token ran out', '', (post) => Promise.resolve(post.clock.turn(1801))],
    ['whose address was verified', 'email-verification', (post) => post.sql('update users set is_verified = true')],
  ])('%s is dropped', async (_, kind, change) => {
    const post = await Post.open();
    const server = await smtp();
    const mail = await post.start();
    await post.sql('update users set is_verified = false');
    await post.token(mail, kind === '' ? 'password-reset' : 'email-verification');
    await change(post);
    await post.worker(server.url);
    await post.settled();
    expect(await post.states()).toEqual(['completed']);
    expect(server.received).toEqual([]);
    expect(post.warnings).toEqual([]);
  });

  it('with a token replaces only the earlier one of its type', async () => {
    const post = await Post.open();
    const server = await smtp();
    const mail = await post.start();
    await post.sql(`update users set is_verified = false, password_hash = 'chosen'`);
    for (const kind of ['email-verification', 'invitation', 'password-reset', 'password-reset'] as const) await post.token(mail, kind);
    await post.token(mail, 'password-reset', 'member');
    const rows = await post.sql(`select u.username, t.type from one_time_tokens t join users u on u.id = t.user_id order by 1 desc, 2`);
    expect(rows.map(({ username, type }) => `${String(username)} ${String(type)}`)).toEqual([
      'officer email_verification',
      'officer password_reset',
      'member password_reset',
    ]);
    await post.worker(server.url);
    await post.settled();
    expect(server.received.map(({ to, subject }) => `${to} ${subject}`).sort()).toEqual([
      'member@unionhall.test Reset your password',
      'officer@unionhall.test Confirm your e-mail address',
      'officer@unionhall.test Reset your password',
    ]);
  });

  it('leaves one token after many concurrent requests', async () => {
    const post = await Post.open('postgresql');
    const mail = await post.start();
    await post.sql(`update users set password_hash = 'chosen'`);
    await Promise.all(Array.from({ length: 8 }, () => post.token(mail, 'password-reset')));
    expect(await post.sql('select id from one_time_tokens')).toHaveLength(1);
    expect(await post.jobs()).toHaveLength(8);
    const server = await smtp();
    await post.worker(server.url);
    await post.settled();
    expect(server.received).toHaveLength(1);
  });

  it('delivers the token after a key rotation, and is dropped if its key is gone', async () => {
    const post = await Post.open();
    const server = await smtp();
    const old = Keyring.generate();
    post.keyring = Keyring.parse(old);
    const mail = await post.start();
    await post.token(mail, 'password-reset');
    const rotated = Keyring.parse(`${Keyring.generate()},${old}`);
    const worker = await post.worker(server.url, { keyring: rotated });
    await post.settled();
    const token = tokenForm.exec(server.received[0]?.text ?? '')?.[0] ?? '';
    expect(readMailedToken(rotated, 'password_reset', token)).not.toBeNull();
    expect(await post.sql('select id from one_time_tokens where token_hash = $1', [hashToken(token)])).toHaveLength(1);
    await worker.stop();
    await post.token(mail, 'password-reset');
    await post.worker(server.url, { keyring: Keyring.parse(Keyring.generate()) });
    await post.settled();
    expect(server.received).toHaveLength(1);
    expect(await post.states('mail-dead')).toEqual(['created']);
    expect(post.warnings.join()).toContain('refused: the token cannot be recreated with the keyring.');
  });

  it('that another version enqueued is refused, and an invalid one is not enqueued', async () => {
    const post = await Post.open();
    const mail = await post.worker((await smtp()).url);
    const { id: userId } = await post.user('officer');
    const odd = { kind: 'security-alert', userId, alert: 'account-locked', at: '2026-01-15T17:03:00.000Z', token: 'prt1.secret' };
    await expect(post.enqueue(mail, odd as unknown as MailJob)).rejects.toThrow('token');
    await post.alert(mail);
    await post.settled();
    await post.sql(`update pgboss.job set data = '{"kind":"newsletter"}', state = 'created'`);
    await until(async () => (await post.states('mail-dead')).length === 1);
    expect(post.warnings.join()).toContain('does not know the kind of mail');
  });

  it('about a backup code or a lock says only what is true wherever it was requested', () => {
    const told = (kind: 'backup-code-used' | 'account-locked') =>
      render({ kind, username: 'officer', at: new Date(0) }, { publicUrl: null, timeZone: 'UTC' }).text;
    // backup codes are also used for step-up, to remove the second factor, and to unlock the vault
    expect(told('backup-code-used')).toContain('A backup code was used instead of your second factor.\n\n');
    // wrong codes lock every device, and wrong passwords lock new devices
    expect(told('account-locked')).toContain('further attempts are refused, at least on new devices.');
    expect(told('account-locked') + told('backup-code-used')).not.toMatch(/signed in|sign in/);
  });

  it('contains no markup from data, and no link if no page is configured', () => {
    const settings = { publicUrl: null, timeZone: 'UTC' };
    const letter = { kind: 'password-reset', username: `<b>"a"&'`, token: 'prt1.k.<i>', expiresAt: new Date(0) } as const;
    const { text, html } = render(letter, settings);
    expect(html).toContain('&lt;b&gt;&quot;a&quot;&amp;&#39;');
    expect(html).not.toMatch(/<b>|<i>|href/);
    expect(text).toContain(
      '\n\nEnter this code where you are asked for it:\n\nprt1.k.<i>\n\nThis works once, until January 1, 1970 at 12:00 AM UTC.',
    );
    expect(render(letter, { ...settings, publicUrl: 'https://x.example/a"b' }).html).toContain(
      'href="https://x.example/a&quot;b/reset-password?token=prt1.k.%3Ci%3E"',
    );
    expect(render({ ...letter, kind: 'email-verification' }, settings).text).not.toContain('<b>');
  });
});

describe('a mail server', () => {
  it('that is slow is abandoned and retried', async () => {
    const post = await Post.open();
    let greets = 0;
    const server = await smtp({ onConnect: (_, done) => void (greets++ === 0 ? setTimeout(done, 3000) : done()) });
    const mail = await post.worker(`${server.url}&greetingTimeout=200`);
    await post.alert(mail);
    await post.settled();
    expect(server.received).toHaveLength(1);
    expect(greets).toBe(2);
    expect(post.warnings).toEqual([expect.stringMatching(/postponed: delivery failed at CONN \(ETIMEDOUT\)\.$/)]);
  });

  it('that falls silent is abandoned and retried', async () => {
    const post = await Post.open();
    let mails = 0;
    const server = await smtp({
      onMail: () => (mails++ === 0 ? new Promise<void>((_, no) => setTimeout(no, 2000, new SmtpError(451, 'late'))) : undefined),
    });
    const mail = await post.worker(`${server.url}&socketTimeout=300`);
    await post.alert(mail);
    await post.settled();
    expect(server.received).toHaveLength(1);
    expect(post.warnings).toEqual([expect.stringContaining('(ETIMEDOUT)')]);
  });

  it('that is busy is retried, and after the last attempt the mail is a dead letter that can be sent again', async () => {
    const post = await Post.open();
    let isBusy = true;
    let asked = 0;
    const server = await smtp({
      onRcptTo: (_, __, done) => {
        asked += 1;
        done(isBusy ? new SmtpError(451, 'Try later') : null);
      },
    });
    const mail = await post.worker(server.url);
    await post.alert(mail);
    await post.settled();
    expect(asked).toBe(quick.tries);
    expect(await post.states('mail-dead')).toEqual(['created']);
    expect(post.warnings).toHaveLength(quick.tries);
    expect(post.warnings[0]).toContain('postponed: delivery failed at RCPT TO (EENVELOPE 451)');
    isBusy = false;
    expect(await mail.queue.redrive()).toBe(1);
    await until(() => server.received.length === 1);
    expect(await post.states('mail-dead')).toEqual([]);
  });

  it('that refused more mails than one statement requeues gets all of them in the end', async () => {
    const post = await Post.open();
    const mail = await post.start();
    const { id: userId } = await post.user('officer');
    const job = { kind: 'security-alert', userId, alert: 'account-locked', at: '2026-01-15T17:03:00.000Z' };
    await post.sql(
      `insert into pgboss.job (name, data, policy) select 'mail-dead', cast($1 as jsonb), 'standard' from generate_series(1, 2001)`,
      [JSON.stringify(job)],
    );
    expect(await mail.queue.redrive()).toBe(2001);
    expect([(await post.states()).length, await post.states('mail-dead')]).toEqual([2001, []]);
    expect(await mail.queue.redrive()).toBe(0);
  });

  it.each<[string, SmtpOptions]>([
    ['the recipient', { onRcptTo: (_, __, done) => done(new SmtpError(550, 'No such user')) }],
    ['the mail', { onMail: () => Promise.reject(new SmtpError(554, 'Not here')) }],
  ])('that refuses %s permanently is not retried', async (_, options) => {
    const post = await Post.open();
    const server = await smtp(options);
    const mail = await post.worker(server.url);
    await post.alert(mail);
    await post.settled();
    expect(await post.states()).toEqual(['failed']);
    expect(await post.states('mail-dead')).toEqual(['created']);
    expect(post.warnings).toEqual([expect.stringMatching(/refused: .* at (?:RCPT TO \(EENVELOPE 550\)|DATA \(EMESSAGE 554\))\.$/)]);
  });

  it('that refuses the sender may be corrected', async () => {
    const post = await Post.open();
    let asked = 0;
    const server = await smtp({ onMailFrom: (_, __, done) => done(asked++ === 0 ? new SmtpError(550, 'Who are you') : null) });
    const mail = await post.worker(server.url);
    await post.alert(mail);
    await post.settled();
    expect(server.received).toHaveLength(1);
  });

  it('gets no data without encryption unless the URL allows it, nor with an untrusted certificate', async () => {
    const post = await Post.open();
    const [bare, own] = [await smtp({ disabledCommands: ['STARTTLS'] }), await smtp()];
    const pace = { ...quick, tries: 1 };
    for (const url of [`smtp://127.0.0.1:${bare.port}`, `smtp://127.0.0.1:${own.port}`]) {
      const mail = await post.worker(url, { pace });
      await post.alert(mail);
      await post.settled();
      await mail.stop();
    }
    expect(await post.states('mail-dead')).toEqual(['created', 'created']);
    expect([bare.received, own.received]).toEqual([[], []]);
    const mail = await post.worker(`smtp://127.0.0.1:${own.port}?tls.rejectUnauthorized=false`, { pace });
    await post.alert(mail);
    await until(() => own.received.length === 1);
    expect(own.received[0]?.isEncrypted).toBe(true);
  });

  it('that repeats the mail in its refusal leaves no token in the database or in a warning', async () => {
    const post = await Post.open();
    const seen: string[] = [];
    const server = await smtp({
      onMail: (raw) => {
        seen.push(...[...raw.replace(/=\r\n/g, '').replaceAll('=3D', '=').matchAll(new RegExp(tokenForm, 'g'))].map(([token]) => token));
        throw new SmtpError(seen.length > 4 ? 554 : 451, `I do not like ${seen.at(-1) ?? ''}`);
      },
    });
    const mail = await post.worker(server.url);
    for (const kind of ['password-reset', 'invitation'] as const)
      await post.token(mail, kind, kind === 'invitation' ? 'member' : 'officer');
    await post.settled();
    const tables = ['pgboss.job', 'one_time_tokens', 'audit_events', 'users'];
    const dumps = await Promise.all(tables.map((table) => post.sql(`select t::text as row from ${table} t`)));
    const dump =
      dumps
        .flat()
        .map(({ row }) => String(row))
        .join('\n') + post.warnings.join('\n');
    const tokens = [...new Set(seen)];
    expect(tokens).toHaveLength(2);
    for (const token of tokens) {
      const secret = token.split('.')[2] ?? '';
      const bytes = Buffer.from(secret, 'base64url').subarray(32);
      const base64 = bytes.toString('base64').slice(0, -2);
      for (const form of [
        token,
        secret,
        base64,
        bytes.toString('base64url').slice(0, -2),
        bytes.toString('hex'),
        Buffer.from(token).toString('base64').slice(0, -3),
        Buffer.from(token).toString('hex'),
      ])
        expect(dump).not.toContain(form);
      expect(dump).toContain(hashToken(token));
    }
    expect(dump).not.toContain('I do not like');
  });
});

describe('several processes', () => {
  it('create the queue once', async () => {
    const { url, drop } = await serverDatabase();
    closing.push(drop);
    const nodes = await Promise.all(
      Array.from({ length: 6 }, () => openDatabase({ databaseUrl: url, databasePoolSize: 2, dataDirectory: '' })),
    );
    closing.push(() => Promise.all(nodes.map((node) => node.close())));
    const warnings: string[] = [];
    const queues = await Promise.all(
      nodes.map(async (node) => new MailQueue(await queueDatabase(node), { supervises: false, warn: (text) => warnings.push(text) })),
    );
    await Promise.all(queues.map((queue) => queue.start()));
    await Promise.all(queues.map((queue) => queue.stop()));
    expect(warnings).toEqual([]);
    const [row] =
      (await nodes[0]?.run(`select retry_limit, retry_delay, retry_delay_max, dead_letter from pgboss.queue where name = 'mail'`)) ?? [];
    expect(row).toEqual({ retry_limit: usualPace.tries - 1, retry_delay: 30, retry_delay_max: 3600, dead_letter: 'mail-dead' });
    for (const node of nodes) await Promise.all([node.orm.em.fork().execute('select 1'), node.orm.em.fork().execute('select 1')]);
  });

  it('send each mail once', async () => {
    const post = await Post.open('postgresql');
    const server = await smtp({ onMail: () => new Promise((resolve) => setTimeout(resolve, 20)) });
    const mail = await post.start();
    const { id: userId } = await post.user('officer');
    await post.em.transactional(async (em) => {
      for (let i = 0; i < 60; i++)
        await mail.queue.enqueue(em, {
          kind: 'email-changed',
          userId,
          formerEmail: `m${i}@unionhall.test`,
          at: '2026-01-15T17:03:00.000Z',
        });
    });
    const senders = ['one@union.example', 'two@union.example'];
    await Promise.all(senders.map((sender) => post.start({ smtp: { url: server.url, from: sender }, sends: true })));
    await post.settled();
    expect(new Set(server.received.map(({ to }) => to)).size).toBe(60);
    expect(server.received).toHaveLength(60);
    expect(new Set(server.received.map(({ headers }) => headers['from']))).toEqual(new Set(senders));
  });

  it('repeat what one of them was killed over, with the same token', async () => {
    const post = await Post.open('postgresql');
    const db = await queueDatabase(post.database);
    let isDead = false;
    const dying: Db = {
      executeSql: async (text, values) => {
        if (isDead) throw new Error('dead');
        return await db.executeSql(text, values);
      },
    };
    const server = await smtp({ onMail: () => void (isDead = true) });
    const mail = await post.start();
    const lastWords: string[] = [];
    await post.worker(server.url, { db: dying, warn: (message) => lastWords.push(message) });
    await post.token(mail, 'password-reset');
    await until(() => server.received.length === 1);
    expect(await post.states()).toEqual(['active']);
    await post.worker(server.url);
    await until(() => server.received.length === 2);
    const [first, second] = server.received;
    expect(second?.text).toBe(first?.text);
    expect(second?.headers['message-id']).toBe(first?.headers['message-id']);
    expect(first?.text).toMatch(tokenForm);
    await post.settled();
    expect(lastWords).toEqual([expect.stringMatching(/^Mail queue: dead/)]);
  });

  it('leave no failed transaction on a shared connection', async () => {
    const post = await Post.open('postgresql');
    const db = await queueDatabase(post.database);
    for (let i = 0; i < 12; i++) await expect(db.executeSql('begin; select 1 / 0; commit')).rejects.toThrow('division by zero');
    await Promise.all(Array.from({ length: 12 }, () => post.em.execute('select 1')));
    const { rows } = await db.executeSql('select $1::jsonb as data, now() as at', ['{"a":1}']);
    expect(rows).toEqual([{ data: { a: 1 }, at: expect.any(Date) }]);
  });
});

describe('a worker that stops', () => {
  it('completes the current mail, and takes no more', async () => {
    const post = await Post.open();
    let begun = 0;
    const server = await smtp({
      onMail: async () => {
        begun += 1;
        await new Promise((resolve) => setTimeout(resolve, 600));
      },
    });
    const mail = await post.start();
    for (let i = 0; i < 5; i++) await post.alert(mail);
    const worker = await post.worker(server.url);
    await until(() => begun > 0);
    await worker.stop();
    const sent = server.received.length;
    expect(sent).toBe(begun);
    expect(sent).toBeLessThan(5);
    expect((await post.states()).filter((state) => state === 'completed')).toHaveLength(sent);
    expect((await post.states()).filter((state) => state === 'created')).toHaveLength(5 - sent);
  });

  it('returns a mail that takes too long, and another worker sends it', async () => {
    const post = await Post.open();
    let mails = 0;
    let refuse: (reason: Error) => void = () => {};
    const server = await smtp({
      onMail: () => (mails++ === 0 ? new Promise<void>((_, no) => (refuse = no)) : undefined),
    });
    const worker = await post.worker(server.url, { pace: { ...quick, patience: 60 } });
    await post.alert(worker);
    await until(() => mails === 1);
    await worker.stop(300); // the server has not answered yet
    expect(await post.states()).toEqual(['retry']);
    refuse(new SmtpError(451, 'late'));
    await post.worker(server.url);
    await post.settled();
    expect(server.received).toHaveLength(1);
  });
});

describe('without a mail server', () => {
  it('development prints mails with their tokens', async () => {
    const post = await Post.open();
    const mail = await post.start({ sends: true, print: (text) => post.printed.push(text) });
    await post.token(mail, 'password-reset');
    await post.settled();
    expect(post.printed).toEqual([expect.stringMatching(/^To: officer@unionhall\.test\nSubject: Reset your password\n\nSomeone asked/)]);
    expect(post.printed[0]).toMatch(tokenForm);
  });

  it('production logs it once, and mails wait until there is a server', async () => {
    const post = await Post.open();
    const mail = await post.start({ sends: true });
    await post.alert(mail);
    expect(post.warnings).toEqual(['Mail is not sent: SMTP_URL is not set. Mails wait in the queue.']);
    expect(await post.states()).toEqual(['created']);
    await mail.stop();
    const server = await smtp();
    await post.worker(server.url);
    await post.settled();
    expect(server.received).toHaveLength(1);
  });
});
