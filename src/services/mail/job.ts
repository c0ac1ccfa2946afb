import { z } from 'zod';

/** What is told to a user unasked, because it may not have been the user who did it. */
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
 * What is kept of a mail until it is sent: ids, and which key makes its token, but never the token. Only where the
 * address itself changed is an address kept: the one that the user no longer has, and that must hear of it.
 */
export const mailJob = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('password-reset'), ...withToken }),
  z.strictObject({ kind: z.literal('email-verification'), ...withToken }),
  z.strictObject({ kind: z.literal('invitation'), ...withToken }),
  z.strictObject({ kind: z.literal('security-alert'), userId: id, alert: z.enum(securityAlerts), at }),
  z.strictObject({ kind: z.literal('email-changed'), userId: id, formerEmail: z.string().min(3).max(254), at }),
]);

export type MailJob = z.infer<typeof mailJob>;

/** The mails that bring a token. */
export type TokenJob = Extract<MailJob, { tokenId: string }>;

/** What became of one try to send a mail. The reason is for the operator: it holds no address, no token and no server's words. */
export type DeliveryOutcome = { readonly is: 'done' } | { readonly is: 'postponed' | 'refused'; readonly reason: string };
