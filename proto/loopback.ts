/** @returns host and port of `host:port` or `[v6]:port`; null when it is neither. */
export function splitAddress(address: string): { host: string; port: number } | null {
  const match = /^(?:\[([0-9a-fA-F:.]+)\]|([^:[\]]+)):(\d{1,5})$/.exec(address);
  if (match === null) return null;
  const port = Number(match[3]);
  return port > 65_535 ? null : { host: match[1] ?? match[2] ?? '', port };
}

/** @returns the address in the form that gRPC and URLs take; IPv6 hosts get their brackets back. */
export function joinAddress(host: string, port: number): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}

/** True when only this machine can reach the address: 127.0.0.0/8, ::1, `localhost`, or a Unix socket. */
export function isLoopback(address: string): boolean {
  if (address.startsWith('unix:')) return true;
  const host = splitAddress(address)?.host;
  return host !== undefined && isLoopbackHost(host);
}

/** The same of a host alone, without brackets. */
export function isLoopbackHost(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127(\.\d{1,3}){3}$/.test(host);
}
