import type { SecurityAlert, TokenJob } from './job.ts';

/** What a mail is about, with all that it says. */
export type Letter =
  | { readonly kind: TokenJob['kind']; readonly username: string; readonly token: string; readonly expiresAt: Date }
  | { readonly kind: Alert; readonly username: string; readonly at: Date };

/** What is told without a token. */
type Alert = SecurityAlert | 'email-changed' | 'address-claimed';

/** How mails are written. */
export interface Stationery {
  /** Where people reach the front end, `https://union.example`; null where there is none, and mails then bring no links. */
  readonly publicUrl: string | null;
  /** The IANA time zone in which times are said. */
  readonly timeZone: string;
}

/** A mail as it is read. */
export interface Rendered {
  readonly subject: string;
  readonly text: string;
  readonly html: string;
}

/** A paragraph: a sentence or two, a page to open, or a token to copy. */
type Part = string | { readonly href: string } | { readonly code: string };

/**
 * Writes a mail as text and as HTML. Of what the user chose only the username is in it, whose form leaves no room for
 * a message; and nothing at all where the mail goes to an address that nobody has confirmed.
 */
export function render(letter: Letter, stationery: Stationery): Rendered {
  const { subject, parts } = 'token' in letter ? tokenMail(letter, stationery) : alertMail(letter, stationery);
  return { subject, text: `${parts.map(asText).join('\n\n')}\n`, html: page(subject, parts.map(asHtml).join('\n')) };
}

interface Draft {
  readonly subject: string;
  readonly parts: readonly Part[];
}

const tokenMails = {
  'password-reset': {
    subject: 'Reset your password',
    path: 'reset-password',
    why: (username: string) => `Somebody asked for a new password for the Unionhall account "${username}".`,
    after:
      'The new password signs you out everywhere. Your second factor stays as it is. What was shared with you in the vault has to be shared with you again.',
    otherwise: 'If it was not you, do nothing: your password stays as it is.',
  },
  invitation: {
    subject: 'Choose the password of your Unionhall account',
    path: 'accept-invitation',
    why: (username: string) => `An administrator made the Unionhall account "${username}" for you. It needs a password that only you know.`,
    after: 'When it no longer works, ask for a new password, or ask an administrator.',
    otherwise: 'If you do not know what this is about, do nothing: nobody can sign in to the account.',
  },
  'email-verification': {
    subject: 'Confirm your e-mail address',
    path: 'verify-email',
    why: () => 'This address was given for an account at Unionhall. Confirm that it is yours.',
    after: 'Until then, the account can do little else.',
    otherwise: 'If it was not you, do nothing: the address will not be confirmed.',
  },
} as const;

/** The page of the front end that a token is for. */
export const tokenLink = (publicUrl: string, kind: TokenJob['kind'], token: string): string =>
  `${publicUrl.replace(/\/+$/, '')}/${tokenMails[kind].path}?token=${encodeURIComponent(token)}`;

function tokenMail({ kind, username, token, expiresAt }: Extract<Letter, { token: string }>, { publicUrl, timeZone }: Stationery): Draft {
  const { subject, why, after, otherwise } = tokenMails[kind];
  const link: Part[] = publicUrl === null ? [] : ['Open this page:', { href: tokenLink(publicUrl, kind, token) }];
  const code: Part[] = [
    publicUrl === null ? 'Give this code where you are asked for one:' : 'Or give this code where you are asked for one:',
  ];
  const term = `It works once, until ${formatInstant(expiresAt, timeZone)}. A later mail of this kind replaces it.`;
  return { subject, parts: [why(username), ...link, ...code, { code: token }, term, after, otherwise] };
}

const alerts: Readonly<Record<Alert, { subject: string; what: string }>> = {
  'session-reused': {
    subject: 'A session was ended for safety',
    what: 'An old key of a session was used again, which happens when a key was copied from a device. The session was ended.',
  },
  'password-changed': { subject: 'Your password was changed', what: 'The password was changed, and all other sessions were ended.' },
  'email-changed': {
    subject: 'Your e-mail address was changed',
    what: 'The e-mail address was changed. This is the last mail to this one.',
  },
  'second-factor-added': { subject: 'A second factor was added', what: 'A second factor was added: signing in asks for it from now on.' },
  'second-factor-removed': {
    subject: 'Your second factor was removed',
    what: 'The second factor was removed: a password alone is enough now.',
  },
  'backup-code-used': { subject: 'A backup code was used', what: 'A backup code was given in place of the second factor.' },
  'account-locked': {
    subject: 'Your account was locked for a while',
    what: 'A wrong password or code was given too often: for a while, no more are taken from a new device, or from any. Sessions go on.',
  },
  'address-claimed': {
    subject: 'Somebody used your e-mail address',
    what: 'Somebody tried to use your e-mail address for another account. Your account is unchanged, and the address stays yours.',
  },
  'username-changed': {
    subject: 'Your username was changed',
    what: 'An administrator changed the username to the one that is named here. The e-mail address and the password stay as they are.',
  },
  'roles-changed': {
    subject: 'Your roles were changed',
    what: 'An administrator assigned a role to the account, changed until when it is held or what it reviews, or took it away.',
  },
  'ownership-transferred': {
    subject: 'The ownership of the instance was transferred',
    what: 'The ownership of this Unionhall was transferred: the account had it until now, or has it from now on.',
  },
  'sessions-ended': {
    subject: 'You were signed out everywhere',
    what: 'An administrator ended all sessions of the account. The password and the second factor stay as they are.',
  },
  'vault-granted': { subject: 'You were given access to the vault', what: 'The account was given access to the vault.' },
};

function alertMail({ kind, username, at }: Extract<Letter, { at: Date }>, { timeZone }: Stationery): Draft {
  const { subject, what } = alerts[kind];
  const who = `This is about the Unionhall account "${username}", on ${formatInstant(at, timeZone)}.`;
  const otherwise = 'If it was not you: change your password now where you still can, end all sessions, and tell an administrator.';
  return { subject, parts: [who, what, 'If it was you, or you knew of it, there is nothing to do.', otherwise] };
}

/** An instant in words. Some letters of the locale are not those of a keyboard, and would only make the mail harder to carry. */
export function formatInstant(at: Date, timeZone: string): string {
  const form = { year: 'numeric', month: 'long', day: 'numeric', hour: 'numeric', minute: '2-digit', timeZoneName: 'short' } as const;
  return new Intl.DateTimeFormat('en-US', { ...form, timeZone }).format(at).replace(/\p{Zs}/gu, ' ');
}

function asText(part: Part): string {
  if (typeof part === 'string') return part;
  return 'href' in part ? part.href : part.code;
}

function asHtml(part: Part): string {
  if (typeof part === 'string') return `<p>${escaped(part)}</p>`;
  return 'href' in part ? `<p><a href="${escaped(part.href)}">${escaped(part.href)}</a></p>` : `<p><code>${escaped(part.code)}</code></p>`;
}

const page = (title: string, body: string): string =>
  `<!doctype html>\n<html lang="en">\n<head><meta charset="utf-8"><title>${escaped(title)}</title></head>\n<body>\n${body}\n</body>\n</html>\n`;

const entities: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' };
const escaped = (text: string): string => text.replace(/[&<>"']/g, (letter) => entities[letter] ?? letter);
