import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { connect as connectTls } from 'node:tls';
import { Client, credentials, type ServiceError, status } from '@grpc/grpc-js';
import { afterEach, beforeAll, describe, expect, onTestFinished, test, vi } from 'vitest';
import type { CoordinatorConfig } from '../../coordinator/config.js';
import { connectControl } from '../../proto/client.js';
import { SessionRequest } from '../../proto/gen/ridgepoint/v1/agents.js';
import { ArtifactServiceService } from '../../proto/gen/ridgepoint/v1/artifacts.js';
import { BodyServiceService } from '../../proto/gen/ridgepoint/v1/bodies.js';
import { ControlServiceService, SubmitSweepRequest } from '../../proto/gen/ridgepoint/v1/control.js';
import { DIALS_BY_ADDRESS, METHODS, SESSION_BYTES } from '../../proto/limits.js';
import { addStandardServices } from '../../proto/reflection.js';
import { makeServer } from '../../proto/server.js';
import { LimitedAgentService } from '../../proto/session-limits.js';
import { MOST_TOGETHER } from '../../proto/several.js';
import { start } from '../support/coordinator.js';
import { startWeighed, type WeighedCoordinator } from '../support/coordinator-weight.js';
import { FakeAgent } from '../support/fake-agent.js';
import { sharedFolder } from '../support/folder.js';
import { ROOT } from '../support/ridge.js';
import { until } from '../support/services.js';
import { submission } from '../support/sweeps.js';
import { Authority, byTokens, hasOpenssl, type Pair } from '../support/tls.js';

const MB = 1e6;
const SESSION = '/ridgepoint.v1.AgentService/Session';
const SUBMIT = '/ridgepoint.v1.ControlService/SubmitSweep';
const LIST = '/ridgepoint.v1.ControlService/ListSweeps';

const opened: { end(): unknown }[] = [];
afterEach(async () => {
  for (const one of opened.splice(0).reverse()) await one.end();
});

async function weighed(config: CoordinatorConfig): Promise<WeighedCoordinator> {
  const coordinator = await startWeighed({ log: { kind: 'memory' }, ...config });
  opened.push({ end: () => coordinator.kill() });
  return coordinator;
}

/** A client that sends bytes as they are, whatever they mean. */
function raw(address: string, ca: Buffer | null = null, options: Record<string, unknown> = {}): Client {
  const channel = ca === null ? credentials.createInsecure() : credentials.createSsl(ca);
  const client = new Client(address, channel, { 'grpc.max_send_message_length': -1, ...options });
  opened.push({ end: () => client.close() });
  return client;
}

const asIs = (bytes: Buffer): Buffer => bytes;

const closed = (socket: Socket): Promise<string> =>
  new Promise((resolve) => socket.on('close', () => resolve('closed')));

/** @returns the status that a message gets. */
function send(client: Client, path: string, bytes: Buffer): Promise<status> {
  return new Promise((resolve) => {
    if (path === SESSION) {
      const call = client.makeBidiStreamRequest(path, asIs, asIs);
      call.on('error', (error: ServiceError) => resolve(error.code)).on('end', () => resolve(status.OK));
      call.resume();
      call.write(bytes);
    } else {
      client.makeUnaryRequest(path, asIs, asIs, bytes, (error) => resolve(error?.code ?? status.OK));
    }
  });
}

describe('messages', () => {
  test('every method that is served is in the table, and nothing else is', () => {
    const { server } = makeServer({ kind: 'plaintext' });
    addStandardServices(server, join(ROOT, 'proto'));
    const { handlers } = server as unknown as { handlers: Map<string, unknown> };
    const ours = [
      LimitedAgentService,
      ControlServiceService,
      BodyServiceService,
      ArtifactServiceService,
    ].flatMap((service) => Object.values(service));
    const served = [...handlers.keys(), ...ours.map(({ path }) => path)];
    expect(served.sort()).toEqual(Object.keys(METHODS).sort());
  });

  test('each method has its own size, whether it is plain or unpacks to it', async () => {
    const { grpcAddress } = await start();
    const client = raw(grpcAddress);
    for (const [path, { requestBytes }] of Object.entries(METHODS)) {
      if (path === SESSION || path.endsWith('ServerReflectionInfo') || path.endsWith('Watch')) continue;
      expect([path, await send(client, path, Buffer.alloc(requestBytes + 1))]).toEqual([
        path,
        status.RESOURCE_EXHAUSTED,
      ]);
    }
    const document = 'x'.repeat(3 * MB);
    const large = SubmitSweepRequest.encode(SubmitSweepRequest.fromPartial({ document })).finish();
    // Read, and then found to be no sweep.
    expect(await send(client, SUBMIT, Buffer.from(large))).toBe(status.INVALID_ARGUMENT);
    const packing = raw(grpcAddress, null, { 'grpc.default_compression_algorithm': 2 });
    expect(await send(packing, LIST, Buffer.alloc(1000))).not.toBe(status.RESOURCE_EXHAUSTED);
    expect(await send(packing, LIST, Buffer.alloc(5 * MB))).toBe(status.RESOURCE_EXHAUSTED);
  });

  test('a message that is too large says so to the client', async () => {
    const { grpcAddress } = await start();
    const control = connectControl({ address: grpcAddress, security: { kind: 'plaintext' } });
    opened.push({ end: () => control.close() });
    const request = submission('x'.repeat(5 * MB));
    await expect(control.submitSweep(request)).rejects.toMatchObject({ code: 'too-large' });
  });

  test('each kind of message of a session has its own size, and names so many trials at most', async () => {
    const { grpcAddress } = await start();
    const saying = async (message: SessionRequest['message']): Promise<unknown> => {
      const { agent } = await FakeAgent.join(grpcAddress);
      await agent.say(message);
      await agent.say({ $case: 'leaseRequest', value: { deviceId: 'cpu0' } }).catch(() => undefined);
      const heard = await agent.hear('noWork').catch((error: unknown) => error);
      agent.vanish();
      return heard;
    };
    const heartbeat = (count: number, length: number): SessionRequest['message'] => ({
      $case: 'heartbeat',
      value: { trialIds: new Array<string>(count).fill('t'.repeat(length)), state: '', health: undefined },
    });
    expect(await saying(heartbeat(17, 100))).toMatchObject({ deviceId: 'cpu0' });
    expect(await saying(heartbeat(1025, 1))).toMatchObject({
      code: 'too-large',
      message: 'A message names 1025 trials; a session takes 1024 in one.',
    });
    const { bytes } = SESSION_BYTES.heartbeat;
    expect(await saying(heartbeat(1, bytes))).toMatchObject({
      code: 'too-large',
      message: expect.stringMatching(
        /^A message "heartbeat" of \d+ bytes came; a session takes 262144 bytes of/,
      ),
    });
    const returned = new Array<string>(1025).fill('t');
    expect(
      await saying({ $case: 'leaving', value: { returnedTrialIds: returned, reason: '' } }),
    ).toMatchObject({
      code: 'too-large',
    });
    const long: SessionRequest['message'] = { $case: 'leaseRequest', value: { deviceId: 'd'.repeat(5000) } };
    expect(await saying(long)).toMatchObject({ code: 'too-large' });
    const several = (...messages: SessionRequest['message'][]): SessionRequest['message'] => ({
      $case: 'several',
      value: { requests: messages.map((message) => ({ message })) },
    });
    const beats = new Array<SessionRequest['message']>(MOST_TOGETHER).fill(heartbeat(1, 1));
    expect(await saying(several(...beats))).toMatchObject({ deviceId: 'cpu0' });
    expect(await saying(several(heartbeat(1, 1), long))).toMatchObject({ code: 'too-large' });
    for (const message of [several(...beats, heartbeat(1, 1)), several(several(heartbeat(1, 1)))])
      expect(await saying(message)).toMatchObject({ code: 'invalid' });
  });

  test('what cannot be decoded, or has fields that no agent sends, is refused with a reason', async () => {
    const { grpcAddress } = await start();
    const client = raw(grpcAddress);
    const empty = Buffer.from(SessionRequest.encode({ message: undefined }).finish());
    const heartbeat = Buffer.from(
      SessionRequest.encode({
        message: { $case: 'heartbeat', value: { trialIds: [], state: '', health: undefined } },
      }).finish(),
    );
    for (const bytes of [
      Buffer.from([0x22, 0xff, 0xff]),
      Buffer.concat(new Array<Buffer>(17).fill(heartbeat)),
      // Groups that open and never close, one in the other.
      Buffer.alloc(100_000, 0x0b),
      // No first message at all.
      empty,
    ]) {
      expect(await send(client, SESSION, bytes)).toBe(status.INVALID_ARGUMENT);
    }
  });

  test('a heartbeat of two million trials costs about its bytes', async () => {
    const coordinator = await weighed({});
    const client = raw(coordinator.address);
    const before = await coordinator.weigh();
    const many = { trialIds: new Array<string>(2_000_000).fill('t'), state: '', health: undefined };
    const bytes = Buffer.from(
      SessionRequest.encode({ message: { $case: 'heartbeat', value: many } }).finish(),
    );
    expect(bytes.length).toBeGreaterThan(5 * MB);
    expect(await send(client, SESSION, bytes)).toBe(status.RESOURCE_EXHAUSTED);
    expect(((await coordinator.weigh()).peakBytes - before.peakBytes) / MB).toBeLessThan(100);
  });
});

describe('connections', () => {
  async function dial(address: string): Promise<Socket> {
    const { port, hostname } = new URL(`http://${address}`);
    const socket = connect(Number(port), hostname);
    opened.push({ end: () => socket.destroy() });
    socket.on('error', () => undefined);
    // Whoever does not read never learns that the other end has closed.
    socket.resume();
    await once(socket, 'connect');
    return socket;
  }

  /**
   * An agent that comes again until it is admitted: nobody tells when there is room, and a slow machine may
   * be too late.
   */
  async function joins(address: string): Promise<FakeAgent> {
    return await until('an agent to be admitted', async () => (await FakeAgent.join(address)).agent);
  }

  /** A server speaks first, to whom it lets in. */
  const served = (socket: Socket): Promise<string> =>
    Promise.race([
      closed(socket),
      new Promise<string>((resolve) => socket.once('data', () => resolve('served'))),
    ]);

  test('one on which nobody is admitted is closed; one with an agent stays', async () => {
    const { grpcAddress } = await start({ limits: { unauthenticatedSeconds: 0.3 } });
    const agent = await joins(grpcAddress);
    // What is dialed now has its time behind that of the agent.
    expect(await closed(await dial(grpcAddress))).toBe('closed');
    expect((await agent.ask()).$case).toBe('noWork');
    agent.vanish();
  });

  test('strangers of one address have a limit, and so have all connections of it', async () => {
    const { grpcAddress } = await start({ limits: { unauthenticatedByAddress: 3 } });
    const sockets = await Promise.all([1, 2, 3].map(() => dial(grpcAddress)));
    expect(await closed(await dial(grpcAddress))).toBe('closed');
    sockets[0]!.destroy();
    // There is room for one again, and who is admitted on it makes room for the next.
    const agent = await joins(grpcAddress);
    expect(await served(await dial(grpcAddress))).toBe('served');
    expect(await served(await dial(grpcAddress))).toBe('closed');
    agent.vanish();

    const few = await start({ limits: { connectionsByAddress: 2 } });
    await Promise.all([1, 2].map(() => dial(few.grpcAddress)));
    expect(await closed(await dial(few.grpcAddress))).toBe('closed');
  });
});

describe.skipIf(!hasOpenssl)('callers (needs openssl)', () => {
  const folder = sharedFolder();
  const LAB = { lab: { scopes: ['agent'] } } as const;
  let authority: Authority;
  let server: Pair;
  beforeAll(() => {
    authority = new Authority(folder);
    server = authority.issue('coordinator');
  });

  test('an address that dials without end is cut before its handshakes, and others are served', async () => {
    const limits = { unauthenticatedByAddress: 10_000, unauthenticatedSeconds: 600 };
    const { grpcAddress } = await start({ security: byTokens(server, LAB), limits });
    const at = { port: Number(grpcAddress.split(':').at(-1)), host: '127.0.0.1', localAddress: '127.0.0.7' };
    const asked = () => send(raw(grpcAddress, authority.ca), LIST, Buffer.alloc(0));
    // The coordinator's clock stands still, however slow the machine is: what it lets in can be counted.
    const clock = vi.spyOn(performance, 'now').mockReturnValue(performance.now());
    onTestFinished(() => clock.mockRestore());
    const shakesHands = () =>
      new Promise<boolean>((resolve) => {
        const socket = connectTls({
          ...at,
          ca: authority.ca,
          servername: 'localhost',
          ALPNProtocols: ['h2'],
        });
        const end = (shaken: boolean) => () => {
          socket.destroy();
          resolve(shaken);
        };
        socket.on('secureConnect', end(true)).on('error', end(false)).on('close', end(false));
      });
    /**
     * Dials so often, but no more at once than wait in the system's queue.
     * @returns how many handshakes there were.
     */
    const handshakes = async (dials: number): Promise<number> => {
      let shaken = 0;
      for (let left = dials; left > 0; left -= 100) {
        const several = Array.from({ length: Math.min(left, 100) }, shakesHands);
        for (const one of await Promise.all(several)) shaken += Number(one);
      }
      return shaken;
    };
    const { burst, perSecond } = DIALS_BY_ADDRESS;
    const [shaken, answer] = await Promise.all([handshakes(burst + 100), asked()]);
    expect(shaken).toBe(burst);
    expect(answer).toBe(status.UNAUTHENTICATED);
    clock.mockReturnValue(performance.now() + 1000);
    expect(await handshakes(perSecond + 100)).toBe(perSecond);
    expect(await asked()).toBe(status.UNAUTHENTICATED);
  });

  test('a connection of strangers is cut after a hundred calls that were refused, and another one has to be dialed', async () => {
    const { grpcAddress } = await start({ security: byTokens(server, LAB) });
    const client = raw(grpcAddress, authority.ca);
    const answers: status[] = [];
    for (let call = 0; call < 250; call += 1) answers.push(await send(client, LIST, Buffer.alloc(0)));
    expect(answers.slice(0, 100)).toEqual(new Array(100).fill(status.UNAUTHENTICATED));
    expect(answers.filter((code) => code === status.UNAVAILABLE).length).toBeLessThanOrEqual(4);
    expect(answers.at(-1)).toBe(status.UNAUTHENTICATED);
  });

  test('large messages without a token are refused before they are read: the process stays small', async () => {
    const coordinator = await weighed({ security: byTokens(server, LAB) });
    const before = await coordinator.weigh();
    const large = Buffer.alloc(60 * MB);
    const answers = await Promise.all(
      [SESSION, SESSION, SUBMIT, SUBMIT].map((path) =>
        send(raw(coordinator.address, authority.ca), path, large),
      ),
    );
    expect(answers).toEqual(new Array(4).fill(status.UNAUTHENTICATED));
    expect(((await coordinator.weigh()).peakBytes - before.peakBytes) / MB).toBeLessThan(60);
  });
});
