import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { CoordinatorConfig } from '../../coordinator/config.js';
import { freePort } from './services.js';

const PROGRAM = fileURLToPath(new URL('../fixtures/configured-coordinator.mjs', import.meta.url));

interface Member {
  readonly address: string;
  readonly web: string;
  readonly metrics: string;
  child: ChildProcess | null;
}

/**
 * Coordinators on one log, each a process of its own at an address that it keeps when it is started again; of
 * the built package.
 */
export class CoordinatorProcesses {
  readonly members: readonly Member[];
  readonly #config: CoordinatorConfig;

  private constructor(members: readonly Member[], config: CoordinatorConfig) {
    this.members = members;
    this.#config = config;
  }

  /** Starts so many, and waits until each is ready. */
  static async start(count: number, config: CoordinatorConfig): Promise<CoordinatorProcesses> {
    const members: Member[] = [];
    for (let index = 0; index < count; index += 1) {
      const [grpc, web, metrics] = [await freePort(), await freePort(), await freePort()];
      const at = (port: number) => `127.0.0.1:${port}`;
      members.push({ address: at(grpc), web: at(web), metrics: at(metrics), child: null });
    }
    const all = new CoordinatorProcesses(members, config);
    for (const member of members) await all.launch(member);
    return all;
  }

  /** All of them, as `--coordinator` takes them. */
  get addresses(): string {
    return this.members.map(({ address }) => address).join(',');
  }

  /** @param more settings than it had before */
  async launch(member: Member, more: CoordinatorConfig = {}): Promise<void> {
    const config: CoordinatorConfig = {
      logLevel: process.env.RIDGE_DEBUG ? 'info' : 'error',
      drainSeconds: 0,
      ...this.#config,
      ...more,
      grpcAddress: member.address,
      webAddress: member.web,
      metricsAddress: member.metrics,
    };
    const child = spawn(process.execPath, [PROGRAM, JSON.stringify(config)], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    member.child = child;
    const exited = once(child, 'exit').then(() => {
      throw new Error(`the coordinator at ${member.address} ended`);
    });
    exited.catch(() => undefined);
    await Promise.race([once(createInterface(child.stdout!), 'line'), exited]);
  }

  /** @returns the one that says that it leads; null when none does, or several. */
  async leader(): Promise<Member | null> {
    const leading = await Promise.all(
      this.members.map(async ({ metrics }) => {
        const signal = AbortSignal.timeout(300);
        return await fetch(`http://${metrics}/leadz`, { signal }).then(
          ({ status }) => status === 200,
          () => false,
        );
      }),
    );
    const found = this.members.filter((_, index) => leading[index]);
    return found.length === 1 ? found[0]! : null;
  }

  /** `kill -9`. */
  async kill(member: Member): Promise<void> {
    const { child } = member;
    if (child === null || child.exitCode !== null || child.signalCode !== null) return;
    const gone = once(child, 'exit');
    child.kill('SIGKILL');
    await gone;
    member.child = null;
  }

  async stop(): Promise<void> {
    await Promise.all(this.members.map((member) => this.kill(member)));
  }
}
