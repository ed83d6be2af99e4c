import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { CoordinatorConfig } from '../../../coordinator/config.js';
import type { ResultRecord } from '../../../core/result/result.js';
import { type ControlConnection, connectControl } from '../../../proto/client.js';
import type { ClientSecurity } from '../../../proto/security.js';
import { FakeAgent, type FakeAgentOptions } from '../../support/fake-agent.js';
import { NatsServer, type NatsVersion } from '../../support/nats-server.js';
import { type Running, startRidge } from '../../support/ridge.js';
import { Authority } from '../../support/tls.js';
import { cpuSeconds, forgetPeak, peakBytes, residentBytes } from './process-figures.js';

const PLAINTEXT: ClientSecurity = { kind: 'plaintext' };
const HEAP_CHILD = join(import.meta.dirname, 'heap-child.mjs');

/** A coordinator that is attacked: the built command in a process of its own. */
export interface Target {
  readonly running: Running;
  readonly pid: number;
  readonly grpcAddress: string;
  readonly metricsUrl: string;
  readonly webUrl: string;
  readonly config: CoordinatorConfig;
}

/** What one check stands on: a folder, processes and connections, all gone when it is over. */
export class Ground {
  readonly folder = mkdtempSync(join(tmpdir(), 'ridgepoint-attack-'));
  readonly #closers: (() => unknown)[] = [];
  #names = 0;
  #authority: Authority | null = null;

  /** Closes this, too, in the end. */
  later(close: () => unknown): void {
    this.#closers.push(close);
  }

  async close(): Promise<void> {
    for (const close of this.#closers.splice(0).reverse()) {
      try {
        await close();
      } catch {
        // It had ended by itself.
      }
    }
    rmSync(this.folder, { recursive: true, force: true });
  }

  /** A path in the folder that nothing has yet. */
  path(name: string): string {
    this.#names += 1;
    return join(this.folder, `${this.#names}-${name}`);
  }

  get authority(): Authority {
    if (this.#authority === null) {
      const folder = this.path('tls');
      mkdirSync(folder);
      this.#authority = new Authority(folder);
    }
    return this.#authority;
  }

  /**
   * Starts a coordinator on free ports of loopback, with a SQLite log unless the configuration says
   * otherwise.
   */
  async coordinator(given: CoordinatorConfig = {}): Promise<Target> {
    const config: CoordinatorConfig = {
      grpcAddress: 'localhost:0',
      metricsAddress: '127.0.0.1:0',
      webAddress: 'localhost:0',
      log: { kind: 'sqlite', path: this.path('log.sqlite') },
      heartbeatSeconds: 1,
      drainSeconds: 0,
      ...given,
    };
    const file = this.path('coordinator.yaml');
    writeFileSync(file, JSON.stringify(config));
    const running = startRidge(['coordinator', '--config', file], {
      env: { NODE_OPTIONS: `--import ${HEAP_CHILD}` },
    });
    this.later(() => end(running));
    await within(60, 'the coordinator to start', running.says(/web view at \S+\n/));
    const said = (pattern: RegExp): string => pattern.exec(running.stderr())?.[1] ?? '';
    const grpcAddress = said(/agents and tools at (\S+)/);
    return {
      running,
      pid: running.process.pid ?? 0,
      grpcAddress,
      metricsUrl: said(/metrics at (\S+)\/metrics/),
      webUrl: said(/web view at (\S+)/),
      config: { ...config, grpcAddress },
    };
  }

  /** Kills a coordinator and starts it again on the same address and log. */
  async again(target: Target, signal: NodeJS.Signals = 'SIGKILL'): Promise<Target> {
    target.running.process.kill(signal);
    await within(30, `the coordinator to end by ${signal}`, target.running.ended);
    return await this.coordinator(target.config);
  }

  control(target: Target, security: ClientSecurity = PLAINTEXT): ControlConnection {
    const control = connectControl({ address: target.grpcAddress, security });
    this.later(() => control.close());
    return control;
  }

  async fakeAgent(target: Target, options: FakeAgentOptions = {}): Promise<FakeAgent> {
    const joined = FakeAgent.join(target.grpcAddress, options);
    const { agent } = await within(20, 'an agent to be welcomed', joined);
    this.later(() => agent.vanish());
    return agent;
  }

  /**
   * A real `ridge agent` with the fake runner only.
   * @param given what else its config says.
   * @returns it and its state folder.
   */
  agent(
    coordinator: string,
    name: string,
    state = this.path(name),
    given: object = {},
  ): { agent: Running; state: string } {
    mkdirSync(state, { recursive: true });
    const file = this.path('agent.yaml');
    const config = { nodeName: name, coordinator, stateFolder: state, runners: ['fake'], roofs: 'off' };
    const meters = { energy: 'none', idleSeconds: 0 };
    writeFileSync(file, JSON.stringify({ ...config, cacheFolder: join(state, 'cache'), meters, ...given }));
    const agent = startRidge(['agent', '--config', file]);
    this.later(() => end(agent));
    return { agent, state };
  }

  /** A nats-server of that release, or of the newest line. */
  async nats(version?: NatsVersion): Promise<NatsServer> {
    const nats = await NatsServer.start(version === undefined ? {} : { version });
    this.later(() => nats.stop());
    return nats;
  }
}

/** Ends a process and everything it started: it leads a group of its own. */
async function end(running: Running): Promise<void> {
  const { pid, exitCode, signalCode } = running.process;
  if (exitCode !== null || signalCode !== null || pid === undefined) return;
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    running.process.kill('SIGKILL');
  }
  await running.ended;
}

/** @throws Error when it takes longer. */
export async function within<T>(seconds: number, what: string, work: Promise<T>): Promise<T> {
  const given = new AbortController();
  try {
    return await Promise.race([
      work,
      sleep(seconds * 1000, undefined, { signal: given.signal }).then(() => {
        throw new Error(`waited ${seconds} s for ${what}`);
      }),
    ]);
  } finally {
    given.abort();
  }
}

/** Asks until the answer is not null. @returns null after that many seconds. */
export async function until<T>(seconds: number, ask: () => Promise<T | null>): Promise<T | null> {
  const deadline = Date.now() + seconds * 1000;
  for (;;) {
    const answer = await ask();
    if (answer !== null || Date.now() > deadline) return answer;
    await sleep(100);
  }
}

export async function submit(control: ControlConnection, document: string): Promise<string> {
  const request = { document, modelsJson: '', submitter: 'bench', retryFailed: false };
  return (await control.submitSweep(request, { deadlineSeconds: 60 })).sweepId;
}

/** Every trial that a coordinator holds, of one sweep or ('') of all. */
export async function recordsOf(control: ControlConnection, sweepId = ''): Promise<ResultRecord[]> {
  const records: ResultRecord[] = [];
  const stop = AbortSignal.timeout(60_000);
  for await (const { recordJson } of control.streamResults({ sweepId, follow: false, allTrials: true }, stop))
    records.push(JSON.parse(recordJson) as ResultRecord);
  return records;
}

/** @returns how many points of the sweep count as complete. */
export async function completeOf(control: ControlConnection, sweepId: string): Promise<number> {
  const { sweeps } = await control.listSweeps({ deadlineSeconds: 20 });
  return sweeps.find((sweep) => sweep.sweepId === sweepId)?.complete ?? -1;
}

/** Waits until the coordinator has handled what the agent said before; an ended stream is an answer, too. */
export async function heard(agent: FakeAgent): Promise<void> {
  await within(20, 'an answer', agent.ask()).catch(() => undefined);
  await sleep(300);
}

/** Live bytes after a collection: JavaScript's heap and the buffers it holds. */
export async function liveBytes({ running, pid }: Target): Promise<number> {
  const before = running.stderr().length;
  process.kill(pid, 'SIGUSR2');
  const read = async (): Promise<number | null> => {
    const said = /live heap (\d+) bytes/.exec(running.stderr().slice(before))?.[1];
    return said === undefined ? null : Number(said);
  };
  return (await until(30, read)) ?? Number.NaN;
}

export interface Cost {
  /** Growth of the peak over what was resident before. */
  readonly peakBytes: number;
  readonly cpuSeconds: number;
  readonly seconds: number;
}

/** What the coordinator spends while something is done to it. */
export async function costOf(target: Target, work: () => Promise<unknown>): Promise<Cost> {
  const [resident, cpu, start] = [residentBytes(target.pid), cpuSeconds(target.pid), performance.now()];
  forgetPeak(target.pid);
  await work();
  return {
    peakBytes: Math.max(0, peakBytes(target.pid) - resident),
    cpuSeconds: cpuSeconds(target.pid) - cpu,
    seconds: (performance.now() - start) / 1000,
  };
}

export const megabytes = (bytes: number): string => `${(bytes / 1e6).toFixed(0)} MB`;
