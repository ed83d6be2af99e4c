import { spawn } from 'node:child_process';
import { monotonicSeconds } from '../../process/isolation/clock.js';
import { energyQuantity, type Meter } from './meter.js';

export interface Command {
  readonly command: string;
  readonly args: readonly string[];
}

export type PowermetricsSearch =
  | { readonly found: true; readonly command: Command }
  | { readonly found: false; readonly reason: string };

const PERIOD_SECONDS = 0.2;
const TRIAL_LIMIT_MILLISECONDS = 5000;

/** sudo never asks here (-n): the operator has allowed this one command, or it is absent. */
const POWERMETRICS: Command = {
  command: 'sudo',
  args: `-n powermetrics --samplers cpu_power,gpu_power --sample-rate ${PERIOD_SECONDS * 1000}`.split(' '),
};

/** Lets powermetrics take one sample. @returns the command, or why it is of no use. */
export async function tryPowermetrics(command: Command = POWERMETRICS): Promise<PowermetricsSearch> {
  const args = [...command.args, '--sample-count', '1'];
  const child = spawn(command.command, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  const timer = setTimeout(() => child.kill('SIGKILL'), TRIAL_LIMIT_MILLISECONDS);
  const samples = new Samples();
  let said = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => samples.take(text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    said = (said + text).slice(0, 200);
  });
  await new Promise<void>((ended) => {
    child.once('close', () => ended());
    child.once('error', (error) => {
      said = error.message;
      ended();
    });
  });
  clearTimeout(timer);
  if (samples.counted.size > 0) return { found: true, command };
  const why = said.trim().split('\n')[0] || 'it gave no power';
  return { found: false, reason: `powermetrics is allowed (meters.powermetrics) but of no use: ${why}` };
}

/**
 * Starts Apple's powermetrics, which runs until the meter is closed. It says the mean power of each of its
 * intervals and how long it was: added up, that is a counter. It is asked only where IOReport is closed,
 * since it is a process of its own that runs beside a trial.
 */
export function powermetricsMeter({ command, args }: Command): Meter {
  const samples = new Samples();
  let readUntil = Number.NEGATIVE_INFINITY;
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'ignore'] });
  child.once('error', () => {});
  child.stdout.setEncoding('utf8').on('data', (text: string) => samples.take(text));
  return {
    name: 'powermetrics',
    ownRhythm: true,
    periodSeconds: PERIOD_SECONDS,
    quantities: [...DOMAINS.values()].map((domain) => energyQuantity('energyJoules', domain)),
    attach() {},
    /** Each sum once, with the time at which its last interval ended. */
    read() {
      const before = readUntil;
      readUntil = monotonicSeconds();
      return [...samples.counted].flatMap(([domain, { joules, seconds }]) =>
        seconds <= before ? [] : [{ quantity: `energyJoules:${domain}`, seconds, value: joules }],
      );
    },
    /** A process that sudo made root cannot be killed by us, but it ends when nobody reads what it writes. */
    close() {
      child.stdout.destroy();
      child.kill();
    },
  };
}

const DOMAINS: ReadonlyMap<string, string> = new Map([
  ['CPU', 'cpu'],
  ['GPU', 'gpu'],
  ['ANE', 'ane'],
]);

/** Adds up what powermetrics writes: the length of an interval, then the mean power of each part in it. */
class Samples {
  /** By domain; `seconds` is when its newest power was written. */
  readonly counted = new Map<string, { readonly joules: number; readonly seconds: number }>();
  #rest = '';
  #intervalSeconds: number | null = null;

  take(text: string): void {
    const lines = (this.#rest + text).split('\n');
    this.#rest = lines.pop() ?? '';
    for (const line of lines) this.#line(line);
  }

  #line(line: string): void {
    const elapsed = /\(([\d.]+)ms elapsed\)/.exec(line)?.[1];
    if (elapsed !== undefined) this.#intervalSeconds = Number(elapsed) / 1000;
    const [, part = '', milliwatts] = /^(CPU|GPU|ANE) Power: ([\d.]+) mW/.exec(line) ?? [];
    const domain = DOMAINS.get(part);
    if (domain === undefined || this.#intervalSeconds === null) return;
    const before = this.counted.get(domain)?.joules ?? 0;
    const joules = before + (Number(milliwatts) / 1000) * this.#intervalSeconds;
    this.counted.set(domain, { joules, seconds: monotonicSeconds() });
  }
}
