import { lookup as resolve, type LookupAddress, type LookupOptions } from 'node:dns';
import { BlockList, isIP, Socket } from 'node:net';

/**
 * Addresses that are never connected to: link-local ones, at which clouds give their machines' credentials away, the
 * few other addresses of such services, and what is no address of a single host.
 */
const forbidden = new BlockList();
for (const [net, bits] of [
  ['0.0.0.0', 8],
  ['169.254.0.0', 16],
  ['224.0.0.0', 3],
  ['100.100.100.200', 32],
  ['168.63.129.16', 32],
  ['192.0.0.0', 24],
] as const) {
  forbidden.addSubnet(net, bits, 'ipv4');
  // the same addresses as seen through IPv6: NAT64 and 6to4
  forbidden.addSubnet(`64:ff9b::${net}`, 96 + bits, 'ipv6');
}
for (const [net, bits] of [
  ['::', 128],
  ['fe80::', 10],
  ['ff00::', 8],
  ['fd00:ec2::', 32],
  ['2002:a9fe::', 32],
] as const)
  forbidden.addSubnet(net, bits, 'ipv6');

/** Whether an IP address may be connected to. An IPv4 address written as IPv6 counts as what it is. */
export function mayConnectTo(address: string): boolean {
  const plain = address.replace(/%.*$/, '');
  const family = isIP(plain);
  return family !== 0 && !forbidden.check(plain, family === 4 ? 'ipv4' : 'ipv6');
}

/** The address is one that is never connected to. */
export class ForbiddenAddress extends Error {
  override readonly name = 'ForbiddenAddress';
  readonly code = 'FORBIDDEN_ADDRESS';

  constructor() {
    super('The address is not allowed');
  }
}

/**
 * A socket that connects to allowed addresses only. It looks at the address it connects to and not at the name, which may
 * lead elsewhere a moment later.
 */
export class CarefulSocket extends Socket {
  override connect(...given: readonly unknown[]): this {
    const [port, host] = given;
    if (typeof port !== 'number' || typeof host !== 'string' || (isIP(host.replace(/%.*$/, '')) !== 0 && !mayConnectTo(host)))
      return this.destroy(new ForbiddenAddress());
    return super.connect({ port, host, lookup: carefulLookup });
  }
}

type Found = (error: NodeJS.ErrnoException | null, address: string | LookupAddress[], family?: number) => void;

function carefulLookup(host: string, options: LookupOptions, found: Found): void {
  resolve(host, options as { all: false }, (error, address: string | LookupAddress[], family) => {
    const addresses = typeof address === 'string' ? [{ address }] : (address ?? []);
    // one that is not allowed spoils all: the name is not to be trusted
    if (error === null && addresses.some((each) => !mayConnectTo(each.address))) found(new ForbiddenAddress(), '', 4);
    else found(error, address, family);
  });
}
