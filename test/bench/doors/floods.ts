import { connect as connectPlain } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { Caller } from './caller.js';
import { type Attack, type Doors, inLanes, summed } from './doors.js';
import {
  ACK,
  type Dialed,
  dial,
  END_HEADERS,
  FRAME,
  frame,
  grpcHeaders,
  PREFACE,
  wholeCall,
} from './http2.js';
import { RPCS } from './messages.js';

const LIST = '/ridgepoint.v1.ControlService/ListSweeps';
const FROM = '127.0.0.90';
/** Streams of a client have odd numbers. */
const streamOf = (index: number): number => 2 * index + 1;

/** What is written again and again on one connection, so many times at a time. */
interface Flood {
  readonly name: string;
  readonly times: number;
  readonly token: string | null;
  readonly before?: (token: string | null) => Buffer;
  readonly piece: (index: number, token: string | null) => Buffer;
}

const FLOODS: readonly Flood[] = [
  ...[null, 'reader'].map(
    (who): Flood => ({
      name: `calls (${who ?? 'no token'})`,
      times: 10_000,
      token: who,
      piece: (index, token) => wholeCall(streamOf(index), grpcHeaders(LIST, token)),
    }),
  ),
  ...[null, 'reader'].map(
    (who): Flood => ({
      name: `calls that are reset (${who ?? 'no token'})`,
      times: 20_000,
      token: who,
      piece: (index, token) =>
        Buffer.concat([
          frame(FRAME.headers, END_HEADERS, streamOf(index), grpcHeaders(LIST, token)),
          frame(FRAME.reset, 0, streamOf(index), Buffer.from([0, 0, 0, 8])),
        ]),
    }),
  ),
  { name: 'pings', times: 100_000, token: null, piece: () => frame(FRAME.ping, 0, 0, Buffer.alloc(8)) },
  {
    name: 'settings',
    times: 50_000,
    token: null,
    piece: () => frame(FRAME.settings, 0, 0, Buffer.from([0, 4, 0, 1, 0, 0])),
  },
  { name: 'acknowledged settings', times: 50_000, token: null, piece: () => frame(FRAME.settings, ACK, 0) },
  {
    name: 'windows',
    times: 50_000,
    token: null,
    piece: () => frame(FRAME.window, 0, 0, Buffer.from([0, 0, 0, 1])),
  },
  {
    name: 'priorities',
    times: 50_000,
    token: null,
    piece: (index) => frame(FRAME.priority, 0, streamOf(index), Buffer.from([0, 0, 0, 0, 16])),
  },
  {
    name: 'empty data',
    times: 50_000,
    token: null,
    before: (token) => frame(FRAME.headers, END_HEADERS, 1, grpcHeaders(LIST, token)),
    piece: () => frame(FRAME.data, 0, 1),
  },
  {
    name: 'headers without end',
    times: 5_000,
    token: null,
    before: (token) => frame(FRAME.headers, 0, 1, grpcHeaders(LIST, token)),
    piece: () => frame(FRAME.continuation, 0, 1, Buffer.from([0, 1, 0x61, 1, 0x62])),
  },
];

export const frames: Attack = {
  name: 'frames',
  claim:
    'floods of HTTP/2: calls, resets, pings, settings, windows, priorities, empty data, headers without end',
  async run(doors) {
    const said: string[] = [];
    const faults: string[] = [];
    for (const flood of FLOODS) {
      const began = performance.now();
      let written = 0;
      let connections = 0;
      // Whoever is cut dials again, as an attacker would, for ten seconds.
      while (written < flood.times && performance.now() - began < 10_000) {
        const dialed = await dial(portOf(doors), doors.authority.certificate, FROM);
        connections += 1;
        written += await pour(
          dialed,
          flood,
          flood.token === null ? null : doors.as(flood.token).token,
          flood.times - written,
        );
        dialed.socket.destroy();
        await sleep(20);
      }
      said.push(`${written.toLocaleString('en')} ${flood.name} over ${connections}`);
    }
    return { said: said.join(', '), faults };
  },
};

/** @returns how often the piece was written before the connection was cut. */
async function pour(
  dialed: Dialed,
  { before, piece }: Flood,
  token: string | null,
  times: number,
): Promise<number> {
  await dialed.write(
    Buffer.concat([PREFACE, frame(FRAME.settings, 0, 0), before?.(token) ?? Buffer.alloc(0)]),
  );
  for (let index = 0; index < times; index += 50) {
    const pieces = Array.from({ length: 50 }, (_, more) => piece(index + more, token));
    if (!(await dialed.write(Buffer.concat(pieces)))) return index;
  }
  await Promise.race([dialed.closed, sleep(500)]);
  return times;
}

export const connections: Attack = {
  name: 'connections',
  claim: '20,000 connections that come and go, and 2,000 TLS handshakes',
  async run(doors) {
    const at = { ...portOf(doors), localAddress: FROM };
    await inLanes(100, 20_000, async () => {
      const socket = connectPlain(at);
      socket.on('error', () => undefined);
      await new Promise((resolve) => socket.once('connect', resolve).once('close', resolve));
      socket.destroy();
    });
    await inLanes(20, 2_000, async () => {
      const { socket } = await dial(portOf(doors), doors.authority.certificate, FROM);
      socket.destroy();
    });
    return { said: '22,000 connections', faults: [] };
  },
};

/** Streams that an agent opens and says nothing on, as many as it may. */
export const calls: Attack = {
  name: 'calls',
  claim: '20,000 calls by one name as fast as they go, and 2,000 sessions that say nothing',
  async run(doors) {
    const caller = new Caller(doors.target.grpcAddress, doors.as('ann').ca);
    const codes: string[] = [];
    const list = { path: LIST, streams: 'neither', bytes: Buffer.alloc(0) } as const;
    await inLanes(64, 20_000, async () => {
      codes.push((await caller.ask(list, doors.as('reader'))).code);
    });
    caller.close();
    const faults = codes.every((code) => code === 'OK' || code === 'RESOURCE_EXHAUSTED')
      ? []
      : ['other answers'];
    if (doors.noted('asks too often') === 0) faults.push('nothing of it in the audit log');
    const mute: Dialed[] = [];
    const session = RPCS.find(({ path }) => path.endsWith('/Session'))!.path;
    for (let connection = 0; connection < 20; connection += 1) {
      const dialed = await dial(portOf(doors), doors.authority.certificate, FROM);
      await dialed.write(Buffer.concat([PREFACE, frame(FRAME.settings, 0, 0)]));
      const headers = grpcHeaders(session, doors.as('thief').token);
      for (let stream = 0; stream < 100; stream += 1)
        await dialed.write(frame(FRAME.headers, END_HEADERS, streamOf(stream), headers));
      mute.push(dialed);
    }
    await sleep(5_000);
    for (const { socket } of mute) socket.destroy();
    return { said: summed(codes), faults };
  },
};

function portOf({ target }: Doors): { host: string; port: number } {
  return { host: '127.0.0.1', port: Number(target.grpcAddress.split(':').at(-1)) };
}
