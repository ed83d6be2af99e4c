import { connect as connectPlain, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { connect as connectTls } from 'node:tls';
import { type Attack, type Doors, summed } from './doors.js';
import { END_STREAM, FRAME, frame, grpcHeaders, PREFACE } from './http2.js';

/** Connections of each kind. */
const EACH = 60;
const CUT_SECONDS = 40;
/** What a caller that never ends says, a byte a second; after it, more of the last byte. */
interface Slow {
  readonly name: string;
  readonly port: 'grpc' | 'web' | 'metrics';
  readonly tls: boolean;
  readonly says: Buffer;
  /** Said at once, before the dripping begins. */
  readonly first?: Buffer;
}

const text = (words: string): Buffer => Buffer.from(words);
const headers = grpcHeaders('/ridgepoint.v1.ControlService/ListSweeps', null);
const KINDS: readonly Slow[] = [
  { name: 'no handshake', port: 'grpc', tls: false, says: Buffer.alloc(0) },
  { name: 'half a handshake', port: 'grpc', tls: false, says: Buffer.from([0x16, 0x03, 0x01, 0x02]) },
  { name: 'no preface', port: 'grpc', tls: true, says: Buffer.alloc(0) },
  { name: 'a preface byte by byte', port: 'grpc', tls: true, says: PREFACE },
  { name: 'a preface without settings', port: 'grpc', tls: true, first: PREFACE, says: Buffer.alloc(0) },
  {
    name: 'HTTP/2 headers without end',
    port: 'grpc',
    tls: true,
    first: Buffer.concat([PREFACE, frame(FRAME.settings, 0, 0), frame(FRAME.headers, 0, 1, headers)]),
    says: frame(FRAME.continuation, 0, 1, Buffer.alloc(200)),
  },
  {
    name: 'a header frame byte by byte',
    port: 'grpc',
    tls: true,
    first: Buffer.concat([PREFACE, frame(FRAME.settings, 0, 0)]),
    says: frame(FRAME.headers, END_STREAM, 1, headers),
  },
  { name: 'HTTP: no handshake', port: 'web', tls: false, says: Buffer.alloc(0) },
  { name: 'HTTP: nothing', port: 'web', tls: true, says: Buffer.alloc(0) },
  {
    name: 'HTTP: headers without end',
    port: 'web',
    tls: true,
    first: text('GET /api/v1/sweeps HTTP/1.1\r\nHost: localhost\r\n'),
    says: text('X-A: b\r\n'.repeat(20)),
  },
  {
    name: 'HTTP: a body without end',
    port: 'web',
    tls: true,
    first: text(
      'POST /api/v1/sweeps HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 900\r\n\r\n',
    ),
    says: text('{"document":"'.padEnd(200)),
  },
  {
    name: 'metrics: headers without end',
    port: 'metrics',
    tls: false,
    first: text('GET /metrics HTTP/1.1\r\nHost: localhost\r\n'),
    says: text('X-A: b\r\n'.repeat(20)),
  },
];

export const slow: Attack = {
  name: 'slow',
  claim: `${KINDS.length * EACH} connections that send a byte a second, or nothing, on all ports`,
  async run(doors) {
    const began = performance.now();
    const all = KINDS.flatMap((kind, index) =>
      Array.from({ length: EACH }, () => ({ kind, from: `127.0.0.${20 + index}` })),
    );
    const ended: { name: string; seconds: number }[] = [];
    const open = all.map(async ({ kind, from }) => {
      const cut = await drip(doors, kind, from);
      const seconds = (performance.now() - began) / 1000;
      ended.push({ name: cut ? kind.name : `open: ${kind.name}`, seconds });
    });
    await Promise.all(open);
    const faults = ended.filter(({ name }) => name.startsWith('open')).map(({ name }) => name);
    const longest = Math.max(...ended.map(({ seconds }) => seconds));
    return {
      said: `${ended.length - faults.length} of ${all.length} cut, the last after ${longest.toFixed(0)} s`,
      faults: faults.length === 0 ? [] : [summed(faults)],
    };
  },
};

/** @returns whether it was cut in time. */
async function drip(doors: Doors, { port, tls, first, says }: Slow, from: string): Promise<boolean> {
  const { grpcAddress, webUrl, metricsUrl } = doors.target;
  const url = new URL({ grpc: `https://${grpcAddress}`, web: webUrl, metrics: metricsUrl }[port]);
  const at = { host: '127.0.0.1', port: Number(url.port), localAddress: from };
  const socket: Socket = tls
    ? connectTls({
        ...at,
        ca: doors.authority.certificate,
        servername: 'localhost',
        ALPNProtocols: [port === 'grpc' ? 'h2' : 'http/1.1'],
      })
    : connectPlain(at);
  socket.on('error', () => undefined);
  socket.resume();
  let closed = false;
  const cut = new Promise<void>((resolve) => socket.once('close', () => resolve())).then(() => {
    closed = true;
  });
  if (first !== undefined) socket.write(first);
  for (let second = 0; second < CUT_SECONDS && !closed; second += 1) {
    if (second < says.length) socket.write(says.subarray(second, second + 1));
    await Promise.race([cut, sleep(1000)]);
  }
  socket.destroy();
  return closed;
}
