/**
 * @param host a name or an address, an IPv6 one with or without brackets, as itself or as `URL` spells it.
 * @returns whether only this machine is reached by it: `localhost`, 127.0.0.0/8, also as IPv6 carries it
 *   (`::ffff:127.0.0.1`), `::1`. Not `localhost.`, which some systems ask the network for.
 */
export function isLoopbackHost(host: string): boolean {
  const bare = host.replace(/^\[(.*)\]$/, '$1').toLowerCase();
  if (bare === 'localhost' || bare === '::1') return true;
  return /^(?:::ffff:)?127(?:\.\d{1,3}){3}$|^::ffff:7f[0-9a-f]{2}:[0-9a-f]{1,4}$/.test(bare);
}
