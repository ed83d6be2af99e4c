import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import { orElse } from '../../core/or-else.js';
import { ancestorsOf, groupOf, processesOf } from '../../process/isolation/processes.js';

/** Programs that pass connections on: what they take of the machine is not what the answers take. */
const FORWARDERS =
  /^(docker-proxy|rootlessport|pasta|slirp4netns|socat|sshd?|kubectl|nginx|haproxy|envoy|traefik|caddy)$/;

/**
 * Finds the process that a server on this machine is: the one that listens at a port, or what started it as
 * one job with it (TGI's launcher, a parent of several API servers). Everything below it computes for the
 * server, too.
 * @returns its id, or why it cannot be told, in a clause.
 */
export function listenerAt(port: number, procRoot = '/proc'): number | string {
  const inodes = listeningInodes(port, procRoot);
  if (inodes.size === 0) return `no process of this machine is seen to listen at port ${port}`;
  const holders: number[] = [];
  let closed = 0;
  for (const pid of processesOf(procRoot)) {
    const held = holds(pid, inodes, procRoot);
    if (held === null) closed += 1;
    else if (held) holders.push(pid);
  }
  const where = closed > 0 ? 'belongs to another user' : 'is not seen from here';
  if (holders.length === 0) return `the process that listens at port ${port} ${where}`;
  const forwarder = holders.map((pid) => nameOf(pid, procRoot)).find((name) => FORWARDERS.test(name));
  if (forwarder !== undefined)
    return `${forwarder} listens at port ${port} and passes requests on to a server that is not seen from here`;
  return jobOf(holders, port, procRoot);
}

/** @returns the port of an address, its scheme's where it names none. */
export function portOf(url: string): number {
  const { port, protocol } = new URL(url);
  return Number(port) || (protocol === 'https:' ? 443 : 80);
}

/** Their common ancestor of one process group, that of the agent excepted. */
function jobOf(holders: readonly number[], port: number, procRoot: string): number | string {
  const own = new Set([process.pid, ...ancestorsOf(process.pid, procRoot)]);
  const lines = holders.map((pid) => {
    const group = groupOf(pid, procRoot);
    const above = ancestorsOf(pid, procRoot);
    const end = above.findIndex((one) => one <= 1 || own.has(one) || groupOf(one, procRoot) !== group);
    return [pid, ...(end < 0 ? above : above.slice(0, end))];
  });
  const common = lines[0]!.filter((pid) => lines.every((line) => line.includes(pid)));
  return (
    common.at(-1) ?? `several processes listen at port ${port}, and nothing says that they are one server`
  );
}

const LISTENS = '0A';

/**
 * Sockets that listen at a port of an address by which this machine reaches itself (proc_net_tcp of the
 * kernel's documentation).
 */
function listeningInodes(port: number, procRoot: string): Set<string> {
  const hexPort = port.toString(16).toUpperCase().padStart(4, '0');
  const text = (file: string) => orElse(() => readFileSync(join(procRoot, file), 'latin1'), '');
  const inodes = new Set<string>();
  for (const line of [text('net/tcp'), text('net/tcp6')].join('\n').split('\n')) {
    const [, local = '', , state, , , , , , inode = ''] = line.trim().split(/\s+/);
    const [address = '', at] = local.split(':');
    if (state === LISTENS && at === hexPort && (isAny(address) || isLoopback(address))) inodes.add(inode);
  }
  return inodes;
}

/** Words of 32 bits as this machine has them in memory, so of 127.0.0.1 the last byte is the first. */
const isAny = (address: string) => /^(0{24}|0{16}FFFF0{4})?0{8}$/.test(address);
const isLoopback = (address: string) =>
  /^(0{16}FFFF0{4})?[0-9A-F]{6}7F$/.test(address) || address === `${'0'.repeat(24)}01000000`;

/** @returns null where its files may not be seen. */
function holds(pid: number, inodes: ReadonlySet<string>, procRoot: string): boolean | null {
  const folder = join(procRoot, String(pid), 'fd');
  try {
    return readdirSync(folder).some((file) => {
      const link = orElse(() => readlinkSync(join(folder, file)), '');
      const inode = /^socket:\[(\d+)\]$/.exec(link)?.[1];
      return inode !== undefined && inodes.has(inode);
    });
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EACCES' ? null : false;
  }
}

function nameOf(pid: number, procRoot: string): string {
  return orElse(() => readFileSync(join(procRoot, String(pid), 'comm'), 'utf8').trim(), '');
}
