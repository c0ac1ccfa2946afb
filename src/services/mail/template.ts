import type { SecurityAlert, TokenJob } from './job.ts';

/** The data of a mail: its kind and everything that its text needs. */
export type MailData =
  | { readonly kind: TokenJob['kind']; readonly username: string; readonly token: string; readonly expiresAt: Date }
  | { readonly kind: Alert; readonly username: string; readonly at: Date };

/** The kinds of mail without a token. */
type Alert = SecurityAlert | 'email-changed' | 'address-claimed';

/** The settings that all mails share. */
export interface MailSettings {
  /** The URL of the front end, for example `https://union.example`. Null without one: mails then contain no links. */
  readonly publicUrl: string | null;
  /** The IANA time zone of the times in a mail. */
  readonly timeZone: string;
}

/** A rendered mail. */
export interface RenderedMail {
  readonly subject: string;
  readonly text: string;
  readonly html: string;
}

/** A paragraph: a sentence or two, a page to open, or a token to copy. */
type Part = string | { readonly href: string } | { readonly code: string };

/**
 * Renders a mail as text and as HTML. The username is the only user-chosen text in it, because its form leaves no room
 * for a message. A mail to an unconfirmed address has no user-chosen text.
 */
export function render(data: MailData, settings: MailSettings): RenderedMail {
  const { subject, parts } = 'token' in data ? tokenMail(data, settings) : alertMail(data, settings);
  return { subject, text: `${parts.map(asText).join('\n\n')}\n`, html: page(subject, parts.map(asHtml).join('\n')) };
}

interface MailContent {
  readonly subject: string;
  readonly parts: readonly Part[];
}

const tokenMails = {
  'password-reset': {
    subject: 'Reset your password',
    path: 'reset-password',
    why: (username: string) => `Someone asked for a new password for your Unionhall account "${username}".`,
    todo: 'To choose a new password, open this page:',
    after:
      'A new password signs you out on all devices. Your second factor stays the same. If you use the vault, someone must then give you access again.',
    otherwise: 'If this was not you, ignore this mail. Your password stays the same.',
  },
  invitation: {
    subject: 'Choose a password for your Unionhall account',
    path: 'accept-invitation',
    why: (username: string) => `An administrator created the Unionhall account "${username}" for you.`,
    todo: 'To choose your password, open this page:',
    after: 'If it no longer works, request a password reset or ask an administrator.',
    otherwise: 'If you did not expect this mail, ignore it. Nobody can sign in to the account without a password.',
  },
  'email-verification': {
    subject: 'Confirm your e-mail address',
    path: 'verify-email',
    why: () => 'This e-mail address was entered for a Unionhall account.',
    todo: 'To confirm that it is yours, open this page:',
    after: 'Until you confirm it, you may not be able to use every part of Unionhall.',
    otherwise: 'If this was not you, ignore this mail. The address will not be confirmed.',
  },
} as const;

/** Builds the link to the page of the front end that takes the token. */
export const tokenLink = (publicUrl: string, kind: TokenJob['kind'], token: string): string =>
  `${publicUrl.replace(/\/+$/, '')}/${tokenMails[kind].path}?token=${encodeURIComponent(token)}`;

function tokenMail(
  { kind, username, token, expiresAt }: Extract<MailData, { token: string }>,
  { publicUrl, timeZone }: MailSettings,
): MailContent {
  const { subject, why, todo, after, otherwise } = tokenMails[kind];
  const link: Part[] = publicUrl === null ? [] : [todo, { href: tokenLink(publicUrl, kind, token) }];
  const code: Part[] = [
    publicUrl === null
      ? 'Enter this code where you are asked for it:'
      : 'Or enter this code where you are asked for it:',
  ];
  const term = `This works once, until ${formatInstant(expiresAt, timeZone)}. If you get a newer mail like this, use that one.`;
  return { subject, parts: [why(username), ...link, ...code, { code: token }, term, after, otherwise] };
}

const alerts: Readonly<Record<Alert, { subject: string; what: string; todo?: string }>> = {
  'session-reused': {
    subject: 'You were signed out for your safety',
    what: 'A sign-in key from one of your devices was used a second time. Someone may have copied it, so that sign-in was ended.',
  },
  'password-changed': {
    subject: 'Your password was changed',
    what: 'Your password was changed. All other devices were signed out.',
  },
  'email-changed': {
    subject: 'Your e-mail address was changed',
    what: 'The e-mail address of your account was changed. This is the last mail to this address.',
  },
  'second-factor-added': {
    subject: 'A second factor was added',
    what: 'A second factor was added to your account. You now need it to sign in.',
  },
  'second-factor-removed': {
    subject: 'Your second factor was removed',
    what: 'The second factor was removed from your account. You now sign in with your password alone.',
  },
  'backup-code-used': {
    subject: 'A backup code was used',
    what: 'A backup code was used instead of your second factor.',
  },
  'account-locked': {
    subject: 'Your account was locked for a while',
    what: 'A wrong password or code was entered too often. For a while, further attempts are refused, at least on new devices. Devices in use keep working.',
  },
  'address-claimed': {
    subject: 'Someone tried to use your e-mail address',
    what: 'Someone tried to use your e-mail address for another account. Your account is unchanged.',
    todo: 'You do not need to do anything.',
  },
  'username-changed': {
    subject: 'Your username was changed',
    what: 'An administrator changed your username. Your e-mail address and password stay the same.',
  },
  'roles-changed': {
    subject: 'Your roles were changed',
    what: 'An administrator changed the roles of your account.',
  },
  'ownership-transferred': {
    subject: 'The ownership of Unionhall was transferred',
    what: 'The ownership of Unionhall was transferred to or from your account.',
  },
  'sessions-ended': {
    subject: 'You were signed out everywhere',
    what: 'An administrator signed you out on all devices. Your password and second factor stay the same.',
  },
  'vault-granted': {
    subject: 'You were given access to the vault',
    what: 'Your account was given access to the vault.',
  },
};

function alertMail({ kind, username, at }: Extract<MailData, { at: Date }>, { timeZone }: MailSettings): MailContent {
  const { subject, what, todo } = alerts[kind];
  const about = `Unionhall account "${username}", ${formatInstant(at, timeZone)}.`;
  if (todo !== undefined) return { subject, parts: [what, about, todo] };
  const otherwise = 'If this was not you, change your password now. If you cannot, tell an administrator.';
  return {
    subject,
    parts: [what, about, 'If this was you, or you expected it, you do not need to do anything.', otherwise],
  };
}

/** Formats an instant for people. Replaces the special spaces of the locale, so that the text stays ASCII. */
export function formatInstant(at: Date, timeZone: string): string {
  const form = {
    year: 'numeric',
    month: 'long',
    day: 'numeric',
    hour: 'numeric',
    minute: '2-digit',
    timeZoneName: 'short',
  } as const;
  return new Intl.DateTimeFormat('en-US', { ...form, timeZone }).format(at).replace(/\p{Zs}/gu, ' ');
}

function asText(part: Part): string {
  if (typeof part === 'string') return part;
  return 'href' in part ? part.href : part.code;
}

function asHtml(part: Part): string {
  if (typeof part === 'string') return `<p>${escaped(part)}</p>`;
  return 'href' in part
    ? `<p><a href="${escaped(part.href)}">${escaped(part.href)}</a></p>`
    : `<p><code>${escaped(part.code)}</code></p>`;
}

const page = (title: string, body: string): string =>
  `<!doctype html>\n<html lang="en">\n<head><meta charset="utf-8"><title>${escaped(title)}</title></head>\n<body>\n${body}\n</body>\n</html>\n`;

const entities: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};
const escaped = (text: string): string => text.replace(/[&<>"']/g, (letter) => entities[letter] ?? letter);
