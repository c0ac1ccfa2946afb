import { lookup as resolve, type LookupAddress, type LookupOptions } from 'node:dns';
import { BlockList, isIP, Socket } from 'node:net';

/**
 * Addresses that are never connected to: link-local addresses, where clouds serve their machines' credentials, the few
 * other addresses of such services, and addresses that are not of a single host.
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
  // the same addresses in their IPv6 forms: NAT64 and 6to4
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

/** Whether the service may connect to an IP address. An IPv4 address in IPv6 form counts as the IPv4 address. */
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
 * A socket that connects only to allowed addresses. Checks the resolved address instead of the name, which may resolve
 * differently a moment later.
 */
export class RestrictedSocket extends Socket {
  override connect(...given: readonly unknown[]): this {
    const [port, host] = given;
    if (
      typeof port !== 'number' ||
      typeof host !== 'string' ||
      (isIP(host.replace(/%.*$/, '')) !== 0 && !mayConnectTo(host))
    )
      return this.destroy(new ForbiddenAddress());
    return super.connect({ port, host, lookup: carefulLookup });
  }
}

type Found = (error: NodeJS.ErrnoException | null, address: string | LookupAddress[], family?: number) => void;

function carefulLookup(host: string, options: LookupOptions, found: Found): void {
  resolve(host, options as { all: false }, (error, address: string | LookupAddress[], family) => {
    const addresses = typeof address === 'string' ? [{ address }] : (address ?? []);
    // one forbidden address rejects all: the name cannot be trusted
    if (error === null && addresses.some((each) => !mayConnectTo(each.address))) found(new ForbiddenAddress(), '', 4);
    else found(error, address, family);
  });
}
