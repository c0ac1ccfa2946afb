import { z } from 'zod';

/** Security notices that the user did not request, because the change may not have been made by them. */
export const securityAlerts = [
  'session-reused',
  'password-changed',
  'second-factor-added',
  'second-factor-removed',
  'backup-code-used',
  'account-locked',
  'vault-granted',
  'username-changed',
  'roles-changed',
  'ownership-transferred',
  'sessions-ended',
] as const;

export type SecurityAlert = (typeof securityAlerts)[number];

const id = z.uuid();
const at = z.iso.datetime();
const withToken = { userId: id, tokenId: id, kid: z.string().min(1).max(32) };

/**
 * The stored data of a mail until it is sent: ids, and the key that makes its token, but never the token. An address is
 * stored only when the address changed: the former one, which must be informed.
 */
export const mailJob = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('password-reset'), ...withToken }),
  z.strictObject({ kind: z.literal('email-verification'), ...withToken }),
  z.strictObject({ kind: z.literal('invitation'), ...withToken }),
  z.strictObject({ kind: z.literal('security-alert'), userId: id, alert: z.enum(securityAlerts), at }),
  z.strictObject({ kind: z.literal('email-changed'), userId: id, formerEmail: z.string().min(3).max(254), at }),
]);

export type MailJob = z.infer<typeof mailJob>;

/** The mails that contain a token. */
export type TokenJob = Extract<MailJob, { tokenId: string }>;

/**
 * The outcome of one attempt to send a mail. The reason is for the operator and contains no address, token or server
 * text.
 */
export type DeliveryOutcome =
  { readonly is: 'done' } | { readonly is: 'postponed' | 'refused'; readonly reason: string };
