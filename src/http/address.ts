import { BlockList, isIP } from 'node:net';
import type { IncomingMessage } from 'node:http';
import type { FastifyInstance, FastifyRequest } from 'fastify';

/**
 * Parses the address of a client, from a socket or a proxy header. Removes the port, brackets and zone, and turns an
 * IPv4 address in IPv6 form into plain IPv4. Null for anything else.
 */
export function readAddress(said: string | undefined): string | null {
  const [, bracketed, withPort] = /^\s*(?:\[([^\]]*)\](?::\d+)?|(\d+\.\d+\.\d+\.\d+):\d+)\s*$/.exec(said ?? '') ?? [];
  const address = (bracketed ?? withPort ?? said ?? '').trim().replace(/%.*$/, '').toLowerCase();
  if (isIP(address) !== 6) return isIP(address) === 4 ? address : null;
  const mapped = /^\[::ffff:([0-9a-f]+):([0-9a-f]+)\]$/.exec(new URL(`http://[${address}]`).hostname);
  if (!mapped) return address;
  const [high = 0, low = 0] = mapped.slice(1).map((group) => Number.parseInt(group, 16));
  return [high >> 8, high & 255, low >> 8, low & 255].join('.');
}

/**
 * The address of a client: the one that a trusted proxy names, if it is an IP address. Otherwise the address of the
 * peer.
 */
export const clientAddress = (request: FastifyRequest): string | null =>
  readAddress(request.ip) ?? readAddress(request.raw.socket.remoteAddress);

/**
 * Parses X-Forwarded-For without the ports and brackets that some proxies add. Warns once if a proxy in a private
 * network sends the header but is missing in TRUSTED_PROXIES: all its clients would count as one.
 */
export function readForwardedFor(app: FastifyInstance): void {
  let hasWarned = false;
  app.addHook('onRequest', (request, _reply, done) => {
    const { raw } = request;
    const said = raw.headers['x-forwarded-for'];
    if (said !== undefined) {
      raw.headers['x-forwarded-for'] = String(said)
        .split(',')
        .map((each) => readAddress(each) ?? each.trim())
        .join(', ');
      if (!hasWarned && isUntrustedProxy(request)) {
        hasWarned = true;
        app.log.warn(
          { peer: readAddress(raw.socket.remoteAddress) },
          'X-Forwarded-For ignored: TRUSTED_PROXIES does not list the proxy, so all its clients share one address',
        );
      }
    }
    done();
  });
}

/** Fastify lists only the peer if it does not trust it. */
const isUntrustedProxy = ({ ips = [], raw }: FastifyRequest): boolean => ips.length < 2 && isPrivate(raw.socket);

const privateNetworks = new BlockList();
for (const [network, prefix] of [
  ['10.0.0.0', 8],
  ['172.16.0.0', 12],
  ['192.168.0.0', 16],
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
] as const)
  privateNetworks.addSubnet(network, prefix, 'ipv4');
for (const [network, prefix] of [
  ['fc00::', 7],
  ['fe80::', 10],
  ['::1', 128],
] as const)
  privateNetworks.addSubnet(network, prefix, 'ipv6');

function isPrivate({ remoteAddress }: IncomingMessage['socket']): boolean {
  const address = readAddress(remoteAddress);
  return address !== null && privateNetworks.check(address, isIP(address) === 4 ? 'ipv4' : 'ipv6');
}
