import { BlockList, isIPv4, isIPv6 } from 'node:net';
import type { FastifyRequest } from 'fastify';
import { printable } from '../../core/input/printable.js';
import { quote } from '../../core/quote.js';
import { type Caller, callerOf, matches } from '../caller.js';
import { NO_MARKS } from '../certificates/marks.js';
import { WireError } from '../errors.js';
import type { Grant, Scope } from '../security.js';

/** A reverse proxy that has asked who somebody is, and says so in a header. */
export interface TrustedProxy {
  /**
   * Addresses and networks (`10.1.0.0/16`) that it comes from: whoever else sends the header is not believed.
   */
  readonly addresses: readonly string[];
  /** In small letters. */
  readonly header: string;
  readonly grants: readonly (Grant & {
    /** Name of a user; a final `*` matches any rest. */
    readonly user: string;
  })[];
}

const LONGEST_USER = 128;

/** @returns whether addresses belong to a list of them and of networks. @throws Error for what is neither. */
function addressList(addresses: readonly string[]): (address: string) => boolean {
  const list = new BlockList();
  for (const entry of addresses) {
    const [address = '', bits] = entry.split('/');
    const family = familyOf(address);
    if (family === null || (bits !== undefined && !/^\d{1,3}$/.test(bits))) {
      throw new Error(`${quote(entry)} is no address and no network: write 10.1.2.3 or 10.1.0.0/16`);
    }
    if (bits === undefined) list.addAddress(address, family);
    else list.addSubnet(address, Number(bits), family);
  }
  return (address) => {
    // How a socket for both families writes IPv4.
    const plain = address.replace(/^::ffff:(?=\d+\.)/i, '');
    const family = familyOf(plain);
    return family !== null && list.check(plain, family);
  };
}

function familyOf(address: string): 'ipv4' | 'ipv6' | null {
  return isIPv4(address) ? 'ipv4' : isIPv6(address) ? 'ipv6' : null;
}

/** Tells who somebody is by the word of a proxy. */
export class ProxyIdentity {
  readonly #proxy: TrustedProxy;
  readonly #isTrusted: (address: string) => boolean;

  constructor(proxy: TrustedProxy) {
    this.#proxy = proxy;
    this.#isTrusted = addressList(proxy.addresses);
  }

  /** @returns whether the request came through the proxy: then it says who asks, and nothing else does. */
  brought({ raw }: Pick<FastifyRequest, 'raw'>): boolean {
    return this.#isTrusted(raw.socket.remoteAddress ?? '');
  }

  /** @throws WireError `unauthenticated` where it names nobody, `forbidden` for who has no right to it. */
  admit({ headers }: Pick<FastifyRequest, 'headers'>, scope: Scope): Caller {
    const { header, grants } = this.#proxy;
    const user = headers[header];
    if (typeof user !== 'string' || user === '' || user.length > LONGEST_USER || printable(user) !== user) {
      throw new WireError('unauthenticated', `The proxy names no user in ${header}.`);
    }
    const held = grants.filter((grant) => matches(grant.user, user));
    const those = held.filter(
      ({ scopes }) => scopes.includes(scope) || (scope !== 'agent' && scopes.includes('admin')),
    );
    if (those.length > 0) return callerOf(user, those, NO_MARKS);
    throw new WireError('forbidden', `${quote(user)} does not have the scope "${scope}".`);
  }
}
