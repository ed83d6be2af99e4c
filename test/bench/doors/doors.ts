import { createHash } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { issue, makeAuthority, type Pair } from '../../../proto/certificates/authority.js';
import type { ClientSecurity } from '../../../proto/security.js';
import { FakeAgent } from '../../support/fake-agent.js';
import { fakeSweep } from '../../support/sweeps.js';
import { aNode } from '../../support/wire-records.js';
import { type Ground, liveBytes, megabytes, submit, type Target, within } from '../attack/ground.js';
import { forgetPeak, peakBytes } from '../attack/process-figures.js';
import type { Figure } from '../figure.js';
import { type Known, knownOf } from './messages.js';

/** What one attack may leave in the heap, and how long honest nodes may wait meanwhile. */
const KEPT_BYTES = 20e6;
const WAIT_SECONDS = 5;
/** Names that messages are sent under: each may ask 50 times a second. */
const SENDERS = 200;

/** One attack at the doors. */
export interface Attack {
  readonly name: string;
  readonly claim: string;
  /** Bytes that it may leave in the heap; left out = 20 MB. */
  readonly keptBytes?: number;
  /** @returns what was done and how it ended, and what should not have been. */
  run(doors: Doors): Promise<{ readonly said: string; readonly faults: readonly string[] }>;
}

const SUBJECT = { hosts: ['localhost', '127.0.0.1'], scopes: null, namespaces: null };

/**
 * A coordinator with TLS, tokens, a SQLite log and an audit log in a process of its own, and honest nodes
 * that measure meanwhile.
 */
export class Doors {
  readonly ground: Ground;
  readonly target: Target;
  readonly authority: Pair;
  readonly #audit: string;
  readonly #honest: Honest;
  /** Of a sweep and a trial that nobody needs: what is done to them disturbs no honest node. */
  known: Known = {};

  private constructor(ground: Ground, target: Target, authority: Pair, audit: string) {
    this.ground = ground;
    this.target = target;
    this.authority = authority;
    this.#audit = audit;
    this.#honest = new Honest(target, (name) => this.as(name));
  }

  static async open(ground: Ground): Promise<Doors> {
    const authority = await makeAuthority('doors', 1);
    const server = await issue(authority, { ...SUBJECT, commonName: 'coordinator' }, 1);
    const [certificateFile, keyFile] = [ground.path('server.crt'), ground.path('server.key')];
    writeFileSync(certificateFile, server.certificate);
    writeFileSync(keyFile, server.key);
    const audit = ground.path('audit.jsonl');
    const target = await ground.coordinator({
      security: { kind: 'token', certificateFile, keyFile, tokensFile: writtenTokens(ground) },
      webWrites: true,
      bodies: { kind: 'folder', path: ground.path('bodies') },
      artifacts: { path: ground.path('artifacts') },
      audit: { file: audit },
    });
    const doors = new Doors(ground, target, authority, audit);
    await doors.#begin();
    return doors;
  }

  /** @returns what somebody of that name shows. */
  readonly as = (name: string): Extract<ClientSecurity, { kind: 'token' }> => ({
    kind: 'token',
    ca: Buffer.from(this.authority.certificate),
    token: tokenOf(name),
    serverName: null,
  });

  /** Lines of the audit log that say this. */
  noted(text: string): number {
    return linesWith(this.#audit, text);
  }

  /** Makes an attack and says how it was stood. */
  async stand(attack: Attack): Promise<Figure> {
    const { target } = this;
    this.#honest.forget();
    const before = await liveBytes(target);
    forgetPeak(target.pid);
    const began = performance.now();
    const { said, faults } = await attack.run(this);
    const seconds = (performance.now() - began) / 1000;
    await sleep(2000);
    const { waits, troubles } = this.#honest.forget();
    const peak = peakBytes(target.pid);
    const grown = (await liveBytes(target)) - before;
    const longest = Math.max(...waits);
    const most = attack.keptBytes ?? KEPT_BYTES;
    const wrong = [
      ...faults,
      ...troubles,
      ...(grown > most ? [`${megabytes(grown)} stay`] : []),
      ...(waits.length === 0 ? ['no honest node got work'] : []),
      ...(longest > WAIT_SECONDS * 1000 ? ['honest nodes wait too long'] : []),
      ...this.#fallen(),
    ];
    return {
      claim: `${attack.name}: ${attack.claim}`,
      measured:
        `${said}, in ${seconds.toFixed(0)} s; ${waits.length} leases of honest nodes meanwhile, the longest wait ${longest.toFixed(0)} ms; ` +
        `live heap ${megabytes(before)}, ${grown < 0 ? '' : '+'}${megabytes(grown)} afterwards, peak ${megabytes(peak)} resident` +
        (wrong.length === 0 ? '' : `; WRONG: ${summed(wrong)}`),
      required: `refused with a sentence, leases within ${WAIT_SECONDS} s, heap within ${megabytes(most)}`,
      holds: wrong.length === 0,
    };
  }

  async close(): Promise<void> {
    await this.#honest.end();
  }

  /** Submits what honest nodes measure, and what attackers know of. */
  async #begin(): Promise<void> {
    const control = this.ground.control(this.target, this.as('ann'));
    await submit(control, fakeSweep(10_000, { name: 'honest' }));
    const document = fakeSweep(1, { name: 'decoy' });
    const sweepId = await submit(control, document);
    this.#honest.begin();
    const profile = aNode('fuzz-0');
    const { agent } = await within(
      20,
      'a node',
      FakeAgent.join(this.target.grpcAddress, { profile, security: this.as('fuzz-0') }),
    );
    const lease = await within(20, 'a lease', agent.lease());
    agent.vanish();
    this.known = knownOf(sweepId, document, lease, profile);
  }

  /** @returns what says that the coordinator itself has suffered. */
  #fallen(): string[] {
    const { process, stderr } = this.target.running;
    const ended = process.exitCode ?? process.signalCode;
    const stack = /\n\s+at .*/.exec(stderr());
    return [
      ...(ended === null ? [] : [`the coordinator ended with ${ended}`]),
      ...(stack === null ? [] : [`a stack on stderr: ${stack[0].trim()}`]),
    ];
  }
}

/** @returns how many lines of a file hold the text. */
export function linesWith(file: string, text: string): number {
  return existsSync(file)
    ? readFileSync(file, 'utf8')
        .split('\n')
        .filter((line) => line.includes(text)).length
    : 0;
}

const tokenOf = (name: string): string => `${name}-0123456789abcdef`;

function writtenTokens(ground: Ground): string {
  const fuzz = Array.from({ length: SENDERS }, (_, index) => `fuzz-${index}`);
  const list = [
    ...['honest-1', 'honest-2', 'thief'].map((name) => ({ name, scopes: ['agent'] })),
    { name: 'ann', scopes: ['submit', 'read'] },
    { name: 'reader', scopes: ['read'] },
    { name: 'lab', scopes: ['submit', 'read'], namespaces: ['lab'] },
    ...fuzz.map((name) => ({ name, scopes: ['agent', 'submit', 'read'], nodes: ['fuzz-*'] })),
  ];
  const file = ground.path('tokens.yaml');
  const hashed = list.map((entry) => ({
    ...entry,
    sha256: createHash('sha256').update(tokenOf(entry.name)).digest('hex'),
  }));
  writeFileSync(file, JSON.stringify(hashed));
  return file;
}

/** @returns the sender of the message with that number. */
export const senderOf = (index: number): string => `fuzz-${index % SENDERS}`;

/** The same words once, with how often they came. */
export function summed(words: readonly string[]): string {
  const counts = new Map<string, number>();
  for (const word of words) counts.set(word, (counts.get(word) ?? 0) + 1);
  const all = [...counts].sort(([, a], [, b]) => b - a);
  const shown = all.slice(0, 12).map(([word, count]) => (count === 1 ? word : `${count} × ${word}`));
  return shown.join(', ') + (all.length > 12 ? `, and ${all.length - 12} others` : '');
}

/** Does the work for each index, so many at a time. */
export async function inLanes(
  lanes: number,
  count: number,
  work: (index: number) => Promise<void>,
): Promise<void> {
  let next = 0;
  const lane = async (): Promise<void> => {
    while (next < count) await work(next++);
  };
  await Promise.all(Array.from({ length: lanes }, lane));
}

/** Two nodes that measure: one stays connected, the other dials anew for each trial. */
class Honest {
  readonly #target: Target;
  readonly #as: (name: string) => ClientSecurity;
  #waits: number[] = [];
  #troubles: string[] = [];
  #over = false;
  #working: Promise<unknown> = Promise.resolve();

  constructor(target: Target, as: (name: string) => ClientSecurity) {
    this.#target = target;
    this.#as = as;
  }

  begin(): void {
    this.#working = Promise.all([this.#stay(), this.#comeAndGo()]);
  }

  async end(): Promise<void> {
    this.#over = true;
    await this.#working;
  }

  /** @returns milliseconds from each question to its lease since the last time, and what went wrong. */
  forget(): { waits: number[]; troubles: string[] } {
    const seen = { waits: this.#waits, troubles: this.#troubles };
    this.#waits = [];
    this.#troubles = [];
    return seen;
  }

  async #stay(): Promise<void> {
    let agent: FakeAgent | null = null;
    while (!this.#over) {
      try {
        agent ??= await this.#join('honest-1');
        const asked = performance.now();
        await this.#one(agent, asked);
      } catch (error) {
        this.#troubles.push(`honest-1: ${(error as Error).message}`);
        agent?.vanish();
        agent = null;
      }
      await sleep(100);
    }
    agent?.vanish();
  }

  async #comeAndGo(): Promise<void> {
    while (!this.#over) {
      const asked = performance.now();
      try {
        const agent = await this.#join('honest-2');
        await this.#one(agent, asked).finally(() => agent.vanish());
      } catch (error) {
        this.#troubles.push(`honest-2: ${(error as Error).message}`);
      }
      await sleep(500);
    }
  }

  async #join(name: string): Promise<FakeAgent> {
    const joined = FakeAgent.join(this.#target.grpcAddress, {
      profile: aNode(name),
      security: this.#as(name),
    });
    return (await within(20, 'to be welcomed', joined)).agent;
  }

  async #one(agent: FakeAgent, asked: number): Promise<void> {
    const lease = await within(20, 'a lease', agent.lease());
    this.#waits.push(performance.now() - asked);
    await within(20, 'an acknowledgement', agent.report(lease));
  }
}
