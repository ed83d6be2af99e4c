import type { ConnectionOptions } from 'node:tls';
import { toHello } from '../../../proto/convert.js';
import { SessionRequest } from '../../../proto/gen/ridgepoint/v1/agents.js';
import { METHODS } from '../../../proto/limits.js';
import type { ClientSecurity } from '../../../proto/security.js';
import { RawHttp } from '../../support/raw-http.js';
import { aNode } from '../../support/wire-records.js';
import { within } from '../attack/ground.js';
import { type Answer, Caller } from './caller.js';
import { type Attack, senderOf, summed } from './doors.js';
import { type Hostile, hostileMessages, type Known, RPCS, SESSION, streamsOf } from './messages.js';
import { type HostileRequest, hostileRequests, OPEN_ROUTES, ROUTES } from './requests.js';

const LANES = 32;
const CONNECTIONS = 4;
/** How many messages are made at a time. */
const CHUNK = 500;
/** Statuses that say whose fault it is: the caller's. */
const CLEAR = [
  'OK',
  'OPEN',
  'INVALID_ARGUMENT',
  'NOT_FOUND',
  'ALREADY_EXISTS',
  'PERMISSION_DENIED',
  'FAILED_PRECONDITION',
  'RESOURCE_EXHAUSTED',
  'ABORTED',
];

/** @returns what is wrong with an answer to a hostile message; null = nothing. */
function faultOf({ code, message }: Answer): string | null {
  if (!CLEAR.includes(code)) return `${code} ${message.slice(0, 80)}`;
  if (code !== 'OK' && code !== 'OPEN' && !/^[^\n]{10,1001}$/.test(message))
    return `${code} without a sentence: ${JSON.stringify(message.slice(0, 80))}`;
  return null;
}

/** Says hello as a node, so that what follows is read as of an agent. */
function helloOf(node: string): Buffer {
  const value = toHello(aNode(node), { instance: node });
  return Buffer.from(SessionRequest.encode({ message: { $case: 'hello', value } }).finish());
}

/** @returns how many messages of a method there are among so many: every third is an agent's. */
function shareOf(path: string, all: number): number {
  return path === SESSION ? Math.round(all / 3) : Math.round((all * 2) / 3 / (RPCS.length - 1));
}

export interface Sent {
  /** Status of each message. */
  readonly codes: string[];
  /** What was answered otherwise than it should have been. */
  readonly faults: string[];
}

/**
 * Sends hostile messages to every RPC, each lane as a node of its own.
 * @param by who sends the message of that number.
 */
export async function fuzzRpcs(
  callers: readonly Caller[],
  known: Known,
  all: number,
  seed: number,
  by: (index: number) => ClientSecurity | null,
): Promise<Sent> {
  const [codes, faults]: [string[], string[]] = [[], []];
  const send = async (hostile: Hostile, lane: number): Promise<void> => {
    const number = codes.push('') - 1;
    const before = hostile.streams === 'both' && number % 8 !== 0 ? [helloOf(`fuzz-${lane}`)] : [];
    const answer = await callers[number % callers.length]!.ask(hostile, by(number), before);
    codes[number] = answer.code;
    const fault = faultOf(answer);
    if (fault !== null) faults.push(`${hostile.path.split('/').at(-1)}: ${fault}`);
  };
  for (const [index, method] of RPCS.entries()) {
    const count = shareOf(method.path, all);
    for (let from = 0; from < count; from += CHUNK) {
      const messages = hostileMessages(
        method,
        known,
        Math.min(CHUNK, count - from),
        seed + 1000 * index + from,
      );
      const lane = async (_: unknown, own: number): Promise<void> => {
        for (let at = own; at < messages.length; at += LANES) await send(messages[at]!, own);
      };
      await Promise.all(Array.from({ length: LANES }, lane));
    }
    const { path } = method;
    const large = Buffer.alloc(METHODS[path]!.requestBytes + 1, 0x0a);
    await send({ path, streams: streamsOf(method), bytes: large }, 0);
  }
  return { codes, faults };
}

export function rpcFuzz(all: number, seed: number): Attack {
  return {
    name: 'messages',
    claim: `${all.toLocaleString('en')} hostile messages over every RPC`,
    async run(doors) {
      const { ca } = doors.as('ann');
      const callers = Array.from({ length: CONNECTIONS }, () => new Caller(doors.target.grpcAddress, ca));
      const { codes, faults } = await fuzzRpcs(callers, doors.known, all, seed, (index) =>
        doors.as(senderOf(index)),
      );
      for (const caller of callers) caller.close();
      return { said: `${codes.length.toLocaleString('en')} messages (${summed(codes)})`, faults };
    },
  };
}

/** Answers of HTTP that say whose fault it is. */
const CLEAR_HTTP = [100, 200, 400, 401, 403, 404, 405, 409, 411, 413, 414, 415, 417, 429, 431, 501];

/**
 * Sends hostile requests to every route.
 * @param tokenOf what the request of that number shows; null = nothing.
 */
export async function fuzzRoutes(
  { url, tls }: { readonly url: string; readonly tls: ConnectionOptions | null },
  requests: readonly HostileRequest[],
  tokenOf: (index: number) => string | null,
): Promise<Sent> {
  const [codes, faults]: [string[], string[]] = [[], []];
  const lane = async (_: unknown, own: number): Promise<void> => {
    const http = new RawHttp(url, tls);
    for (let at = own; at < requests.length; at += LANES) {
      const { target, headers = [], ...request } = requests[at]!;
      const token = tokenOf(at);
      const all = [...(token === null ? [] : [`Authorization: Bearer ${token}`]), ...headers];
      const ask = async () =>
        await within(15, 'an answer', http.ask(target, { ...request, headers: all })).catch(() => null);
      let answer = await ask();
      if (answer === null) {
        // The connection may have been of no use before.
        http.close();
        answer = await ask();
      }
      // Whoever asks for another protocol is not heard in this one any more.
      if (answer === null || all.includes('Connection: upgrade')) http.close();
      const { status, body } = answer ?? { status: -1, body: '' };
      codes.push(String(status));
      // 0: cut without an answer, for it cannot be read as HTTP.
      if (status !== 0 && !CLEAR_HTTP.includes(status))
        faults.push(`${request.method} ${target.slice(0, 60)}: ${status} ${body.slice(0, 80)}`);
    }
    http.close();
  };
  await Promise.all(Array.from({ length: LANES }, lane));
  return { codes, faults };
}

export function httpFuzz(all: number, seed: number): Attack {
  return {
    name: 'requests',
    claim: `${all.toLocaleString('en')} hostile requests over every route of the web view and of /metrics`,
    async run({ target, known, authority, as }) {
      const tls = { ca: authority.certificate, servername: 'localhost' };
      const of = (routes: typeof ROUTES, count: number) =>
        hostileRequests(routes, known.sweep_id!, known.document!, count, seed);
      const web = await fuzzRoutes(
        { url: target.webUrl, tls },
        of(ROUTES, Math.round(all * 0.8)),
        (index) => as(senderOf(index)).token,
      );
      const metrics = await fuzzRoutes(
        { url: target.metricsUrl, tls: null },
        of(OPEN_ROUTES, Math.round(all * 0.2)),
        () => null,
      );
      const codes = [...web.codes, ...metrics.codes];
      return {
        said: `${codes.length.toLocaleString('en')} requests (${summed(codes)})`,
        faults: [...web.faults, ...metrics.faults],
      };
    },
  };
}
