import { once } from 'node:events';
import { spawn, type ChildProcess } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { freePort } from './server.ts';

/** HAProxy before several nodes, which get the requests in turn. */
export interface Balancer {
  readonly url: string;
  stop(): Promise<void>;
}

/** @param urls the addresses of the nodes, for example `http://127.0.0.1:4000`. */
export async function startBalancer(urls: readonly string[]): Promise<Balancer> {
  const folder = await mkdtemp(join(tmpdir(), 'unionhall-balancer-'));
  const port = await freePort();
  const file = join(folder, 'haproxy.cfg');
  const nodes = urls.map((url, place) => `  server node${place} ${new URL(url).host} check inter 500`);
  const limits = ['connect 2s', 'client 60s', 'server 60s'].map((limit) => `  timeout ${limit}`);
  const balancing = [`  bind 127.0.0.1:${port}`, '  balance roundrobin', '  option httpchk GET /health'];
  await writeFile(file, ['defaults', '  mode http', ...limits, 'listen unionhall', ...balancing, ...nodes, ''].join('\n'));
  const child = spawn('haproxy', ['-db', '-f', file], { stdio: 'ignore' });
  const url = `http://127.0.0.1:${port}`;
  await answering(url, child);
  return {
    url,
    stop: async () => {
      const ended = once(child, 'close');
      child.kill('SIGKILL');
      await ended;
      await rm(folder, { recursive: true, force: true });
    },
  };
}

async function answering(url: string, child: ChildProcess): Promise<void> {
  for (let tries = 0; tries < 200 && child.exitCode === null; tries += 1) {
    const isThere = await fetch(`${url}/health`).then(
      ({ ok }) => ok,
      () => false,
    );
    if (isThere) return;
    await setTimeout(50);
  }
  child.kill('SIGKILL');
  throw new Error('HAProxy did not come up.');
}
