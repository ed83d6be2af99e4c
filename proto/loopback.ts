import { isLoopbackHost } from '../core/loopback.js';

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

/** True when only this machine can reach the address: a host of loopback with its port, or a Unix socket. */
export function isLoopback(address: string): boolean {
  if (address.startsWith('unix:')) return true;
  const host = splitAddress(address)?.host;
  return host !== undefined && isLoopbackHost(host);
}
