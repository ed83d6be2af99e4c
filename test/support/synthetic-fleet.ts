import { spawn } from 'node:child_process';
import { once, setMaxListeners } from 'node:events';
import { fileURLToPath } from 'node:url';
import { BinaryWriter } from '@bufbuild/protobuf/wire';
import { Client, type ClientDuplexStream, credentials } from '@grpc/grpc-js';
import type { Lease } from '../../core/experiment/lease.js';
import type { NodeProfile } from '../../core/experiment/node.js';
import { RESULT_SCHEMA } from '../../core/result/result.js';
import { connectControl } from '../../proto/client.js';
import { toHello } from '../../proto/convert.js';
import {
  AgentServiceService,
  type LeaseGrant,
  SessionRequest,
  type SessionResponse,
} from '../../proto/gen/ridgepoint/v1/agents.js';
import { CHANNEL_OPTIONS } from '../../proto/limits.js';
import { MOST_TOGETHER, responsesOf } from '../../proto/several.js';
import { trialOf } from './records.js';
import { aNode } from './wire-records.js';

/*
 * Many agents that measure nothing: they lease, report a record made from a template, and wait for its
 * acknowledgement, over real gRPC. What they cost is kept small (the record is text that is cut and pasted,
 * and framed by hand), so that a bench that runs them beside a coordinator measures the coordinator.
 */

export interface SyntheticFleet {
  /** Of a coordinator that listens without TLS. */
  readonly address: string;
  readonly agents: number;
  /** Of each agent, each of which measures one experiment at a time; left out = one. */
  readonly devices?: number;
  /** Results to report, all agents together; the fleet submits a sweep of that many points. */
  readonly results: number;
  /** Size of a record's JSON, about; at least some 12 kB. */
  readonly recordBytes: number;
  /**
   * Keeps sweeps of several fleets apart: experiments of the same name are the same and would be taken over.
   */
  readonly name?: string;
}

export interface SyntheticCounts {
  readonly sweepId: string;
  readonly leases: number;
  /** Results that were acknowledged. */
  readonly acknowledged: number;
  readonly refused: number;
  /** From the first request for work to the last acknowledgement. */
  readonly seconds: number;
  /** CPU time of the fleet's own process in that time. */
  readonly cpuSeconds: number;
}

/** Runs a fleet in this process. @throws when an agent's stream breaks before all is reported. */
export async function synthesize(fleet: SyntheticFleet): Promise<SyntheticCounts> {
  const control = connectControl({ address: fleet.address, security: { kind: 'plaintext' } });
  const { sweepId } = await control.submitSweep({
    document: sweepOf(fleet),
    modelsJson: '',
    submitter: 'synthetic fleet',
    retryFailed: false,
  });
  control.close();
  const tail = tailOf(fleet.recordBytes);
  const work: Work = {
    wanted: fleet.results,
    leases: 0,
    acknowledged: 0,
    refused: 0,
    over: new AbortController(),
  };
  setMaxListeners(0, work.over.signal);
  const client = new Client(fleet.address, credentials.createInsecure(), CHANNEL_OPTIONS);
  const cpu = process.cpuUsage();
  const begun = performance.now();
  try {
    const agents = Array.from({ length: fleet.agents }, (_, index) => {
      const name = `${fleet.name ?? 'synthetic'}-${index}`;
      return new SyntheticAgent(client, name, fleet.devices ?? 1, tail, work).run();
    });
    await Promise.all(agents);
  } finally {
    client.close();
  }
  const { user, system } = process.cpuUsage(cpu);
  const { leases, acknowledged, refused } = work;
  const seconds = (performance.now() - begun) / 1000;
  return { sweepId, leases, acknowledged, refused, seconds, cpuSeconds: (user + system) / 1e6 };
}

/** The same in a process of its own. @throws when it fails; what it said is on this process's stderr. */
export async function spawnSyntheticFleet(fleet: SyntheticFleet): Promise<SyntheticCounts> {
  const words = ['--import', 'tsx', fileURLToPath(import.meta.url), JSON.stringify(fleet)];
  const child = spawn(process.execPath, words, { stdio: ['ignore', 'pipe', 'inherit'] });
  let text = '';
  child.stdout.on('data', (data: Buffer) => {
    text += data.toString();
  });
  const [code] = (await once(child, 'close')) as [number | null];
  if (code !== 0) throw new Error(`the synthetic fleet ended with exit code ${code}`);
  return JSON.parse(text) as SyntheticCounts;
}

/** @returns a sweep file for the fake runner with at least that many points. */
export function sweepOf({ results, name }: Pick<SyntheticFleet, 'results' | 'name'>): string {
  const side = Math.ceil(Math.sqrt(results));
  const list = (length: number): string => Array.from({ length }, (_, index) => index + 1).join(', ');
  return `
apiVersion: ridgepoint.dev/v1
kind: Sweep
metadata: { name: ${name ?? 'synthetic'} }
spec:
  models: "builtin:tiny"
  runners:
    - kind: fake
      fakeDecodeTokensPerSecond: [${list(side)}]
      fakePrefillTokensPerSecond: [${list(Math.ceil(results / side))}]
  workloads: [{ kind: latency, promptTokens: 8, generateTokens: 8 }]
  measure: { starts: 1 }
  placement: { driftControl: false, retries: 0 }
`;
}

/** @returns the part of a record's JSON that no lease decides, so that a record has about that many bytes. */
function tailOf(recordBytes: number): Buffer {
  const record = trialOf(recordBytes);
  const missing = recordBytes - JSON.stringify(record).length;
  // Larger records than that had more of their steps timed.
  const steps = Array.from(
    { length: Math.max(0, Math.floor(missing / 9)) },
    (_, index) => (10_000 + (index % 89_999)) / 1e6,
  );
  const rest = {
    ...record,
    tokenSeconds: steps.length === 0 ? record.tokenSeconds : [...record.tokenSeconds, steps],
    schema: undefined,
    trialId: undefined,
    experimentId: undefined,
    sweep: undefined,
    experiment: undefined,
    node: undefined,
    device: undefined,
  };
  return Buffer.from(JSON.stringify(rest).slice(1));
}

/** What the agents of a fleet do together. */
interface Work {
  readonly wanted: number;
  leases: number;
  acknowledged: number;
  refused: number;
  /** Aborted when all is reported, or when an agent failed. */
  readonly over: AbortController;
}

class SyntheticAgent {
  readonly #stream: ClientDuplexStream<Uint8Array, SessionResponse>;
  readonly #profile: NodeProfile;
  readonly #tail: Buffer;
  readonly #work: Work;
  readonly #node: string;
  readonly #asking = new Map<string, NodeJS.Timeout>();

  constructor(client: Client, name: string, devices: number, tail: Buffer, work: Work) {
    const { path, responseDeserialize } = AgentServiceService.session;
    this.#stream = client.makeBidiStreamRequest(
      path,
      (bytes: Uint8Array) => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength),
      responseDeserialize,
    );
    const device = (index: number) => ({ ...aNode(name).devices[0]!, id: `cpu${index}`, cpus: [index] });
    this.#profile = aNode(name, { devices: Array.from({ length: devices }, (_, index) => device(index)) });
    this.#tail = tail;
    this.#work = work;
    const { hostname, cpuModel, cores, memoryBytes } = this.#profile;
    const node = JSON.stringify({ name, hostname, cpuModel, cores, memoryBytes });
    this.#node = `"node":${node}`;
  }

  /** Works until the fleet has reported all that is wanted. */
  async run(): Promise<void> {
    const { over } = this.#work;
    const stream = this.#stream;
    const beat = setInterval(
      () =>
        this.#say([encoded({ $case: 'heartbeat', value: { trialIds: [], state: '', health: undefined } })]),
      5000,
    );
    const stop = (): void => void stream.end();
    over.signal.addEventListener('abort', stop, { once: true });
    try {
      const hello = toHello(this.#profile, { instance: this.#profile.name });
      this.#say([encoded({ $case: 'hello', value: hello })]);
      for await (const response of stream as AsyncIterable<SessionResponse>)
        this.#say(responsesOf(response).flatMap(({ message }) => this.#answersTo(message)));
      if (!over.signal.aborted) throw new Error(`${this.#profile.name}: the coordinator closed the stream`);
    } finally {
      clearInterval(beat);
      for (const timer of this.#asking.values()) clearTimeout(timer);
      over.abort();
    }
  }

  /** @returns the messages that follow from one, as bytes. */
  #answersTo(message: SessionResponse['message']): Uint8Array[] {
    const work = this.#work;
    switch (message?.$case) {
      case 'welcome':
        return this.#profile.devices.flatMap(({ id }) => this.#ask(id));
      case 'lease':
        work.leases += 1;
        // The device is free with the report: the next lease comes with the acknowledgement.
        return [this.#report(message.value), ...this.#ask(message.value.deviceId)];
      case 'noWork': {
        const { deviceId, retryMilliseconds } = message.value;
        clearTimeout(this.#asking.get(deviceId));
        this.#asking.set(
          deviceId,
          setTimeout(() => this.#say(this.#ask(deviceId)), retryMilliseconds),
        );
        return [];
      }
      case 'resultAck':
        work.acknowledged += 1;
        break;
      case 'resultRefused':
        work.refused += 1;
        process.stderr.write(`a result was refused: ${message.value.reason}\n`);
        break;
      default:
        return [];
    }
    if (work.acknowledged + work.refused >= work.wanted) work.over.abort();
    return [];
  }

  #ask(deviceId: string): Uint8Array[] {
    if (this.#work.leases >= this.#work.wanted) return [];
    return [encoded({ $case: 'leaseRequest', value: { deviceId } })];
  }

  /** Says it at one moment, in one message. */
  #say(messages: readonly Uint8Array[]): void {
    for (let from = 0; from < messages.length && !this.#stream.writableEnded; ) {
      const some = messages.slice(from, from + MOST_TOGETHER);
      from += some.length;
      if (some.length === 1) this.#stream.write(some[0]!);
      else {
        const several = new BinaryWriter();
        for (const message of some) several.uint32(10).bytes(message);
        this.#stream.write(new BinaryWriter().uint32(58).bytes(several.finish()).finish());
      }
    }
  }

  /** @returns a SessionRequest with the report of a lease, as bytes. */
  #report({ leaseJson }: LeaseGrant): Uint8Array {
    const lease = JSON.parse(leaseJson) as Lease;
    const { trialId, sweepId: id, sweepName: name, position, block, purpose, attempt, start } = lease;
    const sweep = JSON.stringify({ id, name, position, block, purpose, attempt, start });
    const [, experiment] = /"experiment":(.*),"(?:mostRepeats|leaseSeconds)":/.exec(leaseJson)!;
    const device = JSON.stringify({ id: lease.deviceId, class: 'cpu', name: 'CPU' });
    const head =
      `{"schema":"${RESULT_SCHEMA}","trialId":"${trialId}","experimentId":"${lease.experiment.id}",` +
      `"sweep":${sweep},"experiment":${experiment},${this.#node},"device":${device},`;
    const record = Buffer.concat([Buffer.from(head), this.#tail]);
    const report = new BinaryWriter().uint32(10).string(trialId).uint32(18).string(lease.experiment.id);
    report.uint32(26).string(id).uint32(34).bytes(record);
    return new BinaryWriter().uint32(34).bytes(report.finish()).finish();
  }
}

const encoded = (message: SessionRequest['message']): Uint8Array =>
  SessionRequest.encode({ message }).finish();

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const counts = await synthesize(JSON.parse(process.argv[2] ?? '{}') as SyntheticFleet);
  process.stdout.write(`${JSON.stringify(counts)}\n`);
}
