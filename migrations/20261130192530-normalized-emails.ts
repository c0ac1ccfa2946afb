import { Migration } from '@mikro-orm/migrations';
import { domainToASCII } from 'node:url';

/** A copy of the service's rule of this version, so that later changes of the service do not change the migration. */
function normalizeEmail(text: string): string {
  const email = text.trim().normalize('NFC');
  const at = email.lastIndexOf('@');
  if (at === -1) return email;
  const domain = asciiDomain(email.slice(at + 1));
  return domain === '' ? email : `${lowerOutsideAscii(email.slice(0, at))}@${domain}`;
}

function asciiDomain(domain: string): string {
  if (/^[\x21-\x7e]*$/.test(domain)) return foldCase(domain);
  return /[%/?#\\:]/.test(domain) ? '' : foldCase(domainToASCII(domain));
}

const foldCase = (text: string): string => text.replace(/[A-Z]/g, (letter) => letter.toLowerCase());

const lowerOutsideAscii = (text: string): string => text.replace(/[^\0-\x7f]/gu, (letter) => letter.toLowerCase()).normalize('NFC');

export class Migration20261130192530_normalized_emails extends Migration {

  override name = 'Migration20261130192530_normalized_emails';

  /**
   * If two accounts have the same mailbox, the second keeps its spelling, and an administrator decides which one to
   * keep.
   */
  override async up(): Promise<void> {
    this.addSql(`create index "user_locked_until_by_username" on "users" ("locked_until", (lower("username")), "id") where deleted_at is null;`);
    const rows = await this.execute(`select id, email from users where email ~ '[^\\x01-\\x7F]' order by id`) as { id: string; email: string }[];
    for (const { id, email } of rows) {
      const normalized = normalizeEmail(email);
      if (normalized === email || normalized.length > 254) continue;
      const [moved] = await this.execute(
        `update users set email = ? where id = ? and not exists (
           select 1 from users o where o.id <> users.id and lower(o.email) = lower(cast(? as text) collate "C")
             and (o.is_verified or not (o.is_self_registered or o.is_email_claimed)) and o.deleted_at is null) returning id`,
        [normalized, id, normalized],
      );
      if (moved !== undefined)
        await this.execute('update one_time_tokens set sent_to = ? where user_id = ? and sent_to = ?', [normalized, id, email]);
    }
  }

  /** The previous spelling is unknown, and mail reaches the address in any spelling. */
  override down(): void | Promise<void> {
    this.addSql(`drop index "user_locked_until_by_username";`);
  }

}
