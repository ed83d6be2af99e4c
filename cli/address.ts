import { usageError } from './exit.js';

/**
 * `host:port`, `[v6]:port` or `:port` (loopback).
 * @throws CommandError (2) naming the option.
 */
export function parseAddress(option: string, text: string): { readonly host: string; readonly port: number } {
  const match = /^(?:\[([0-9a-fA-F:]+)\]|([^:[\]]*)):(\d{1,5})$/.exec(text);
  const port = Number(match?.[3]);
  if (match === null || port > 65_535) {
    throw usageError(`${option} ${text} is not an address`, 'Write HOST:PORT, e.g. 127.0.0.1:9464.');
  }
  return { host: match[1] ?? (match[2] || '127.0.0.1'), port };
}
