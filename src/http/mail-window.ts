import type { FastifyInstance, FastifyRequest } from 'fastify';
import { readAddress } from './address.ts';

/** The maximum number of mails that are kept. */
const limit = 50;

/** Keeps the latest mails of this process for the developer, if no SMTP server sends them. `/mail` shows them. */
export class MailWindow {
  readonly #mails: { at: Date; text: string }[] = [];

  /** @returns a function that prints a mail with `print` and keeps it. */
  recording(print: (text: string) => void): (text: string) => void {
    return (text) => {
      this.#mails.unshift({ at: new Date(), text });
      this.#mails.length = Math.min(this.#mails.length, limit);
      print(text);
    };
  }

  /** Serves `/mail`. Mails contain links that sign people in, so only a browser on this machine may read them. */
  register(app: FastifyInstance, policy: string): void {
    app.get('/mail', (request, reply) => {
      if (!isOfThisMachine(request)) return reply.callNotFound();
      return reply
        .headers({ 'content-security-policy': policy, 'cache-control': 'no-store' })
        .type('text/html; charset=utf-8')
        .send(this.#page());
    });
  }

  #page(): string {
    const mails = this.#mails.map(
      ({ at, text }) =>
        `<article><p><time>${at.toISOString()}</time></p><pre>${linked(escapeHtml(text))}</pre></article>`,
    );
    return `<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8" />
    <meta name="viewport" content="width=device-width, initial-scale=1" />
    <title>Mail</title>
    <link href="data:," rel="icon" />
    <link href="playground/front.css" rel="stylesheet" />
  </head>
  <body>
    <main class="mails">
      <h1>Mail</h1>
      <p>SMTP_URL is not set. This page shows the latest mails that the service would send. Reload it to see new ones.</p>
      <p><a href="./">Start page</a></p>
      ${mails.join('\n') || '<p>No mail yet. Send <code>requestPasswordReset</code>, for example.</p>'}
    </main>
  </body>
</html>
`;
  }
}

/**
 * Checks the host as well as the address. A proxy on this machine passes on the host that its client named, and so does
 * a page that rebinds its name to this machine.
 */
const isOfThisMachine = ({ raw, hostname }: FastifyRequest): boolean =>
  /^(127\.\d+\.\d+\.\d+|::1)$/.test(readAddress(raw.socket.remoteAddress) ?? '') &&
  /^(localhost|127\.0\.0\.1|\[::1\])$/.test(hostname);

/** Escapes text for HTML, between tags and in attributes. */
export const escapeHtml = (text: string): string =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');

const linked = (html: string): string =>
  html.replace(/https?:\/\/[^\s<>"]+/g, (url) => `<a href="${url}" rel="noreferrer">${url}</a>`);
