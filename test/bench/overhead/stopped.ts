import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { monotonicSeconds } from '../../../agent/isolation/clock.js';
import { EXIT } from '../../../cli/exit.js';
import type { Phase } from '../../../core/result/result.js';
import { median } from '../../../core/statistics/quantile.js';
import { mean } from '../../../core/statistics/summary.js';
import { RIDGE, ROOT } from '../../support/ridge.js';

/** The shortest and the longest time that `ridge run` is left to go, or stopped: from less than a phase to more than one. */
const WINDOW_SECONDS = [0.02, 0.4] as const;
/** A rest that the agent answered ends within this; without an answer it takes 200 ms (agent/isolation/channel.ts). */
const ANSWERED_SECONDS = 0.05;

interface Window {
  readonly start: number;
  readonly end: number;
}

/** What a trial took while `ridge run` was going, by what it took while that was stopped. */
export interface WhileStopped {
  readonly prefill: number;
  readonly decode: number;
}

/**
 * Runs `ridge` with one trial and, from its first phase on, stops all of its own process (coordinator, agent, meters, display) and lets
 * it go in turns of random length. The trial's process goes on: it tells what it timed through a pipe, and waits for nobody while it
 * times. So both kinds of time are of the same start, and nothing differs between them but the surroundings.
 *
 * @param file where the messages of the trial's process go meanwhile.
 * @returns the speed while they go by the speed while they are stopped: below 1 is what they take.
 */
export async function whileStopped(args: readonly string[], file: string): Promise<WhileStopped> {
  const hears = join(ROOT, 'test/bench/trial-messages.mjs');
  const ridge = spawn(process.execPath, ['--import', hears, RIDGE, ...args], {
    stdio: ['ignore', 'ignore', 'pipe'],
    env: { ...process.env, TRIAL_MESSAGES: file },
  });
  let said = '';
  const ended = once(ridge, 'exit');
  const measuring = new Promise<void>((resolve) => {
    ridge.stderr.on('data', (text) => {
      said += text;
      if (said.includes('measuring\n')) resolve();
    });
  });
  await Promise.race([measuring, ended]);
  const stopped = await stopInTurns(ridge);
  const [code] = await ended;
  if (code !== EXIT.ok && code !== EXIT.invalid) throw new Error(`ridge run ended with ${code}: ${said}`);
  const { phases, tokenSeconds } = heard(JSON.parse(readFileSync(file, 'utf8')) as unknown[]);
  return {
    prefill: prefillRatio(phases, stopped),
    decode: decodeRatio(
      phases.filter(({ name }) => name === 'decode'),
      tokenSeconds,
      stopped,
    ),
  };
}

/** @returns when it was stopped, on the monotonic clock that trials have, too. */
async function stopInTurns(ridge: ChildProcess): Promise<Window[]> {
  const [shortest, longest] = WINDOW_SECONDS;
  const some = () => sleep(1000 * shortest * (longest / shortest) ** Math.random());
  const windows: Window[] = [];
  while (ridge.exitCode === null && ridge.signalCode === null) {
    ridge.kill('SIGSTOP');
    const start = monotonicSeconds();
    await some();
    const end = monotonicSeconds();
    ridge.kill('SIGCONT');
    windows.push({ start, end });
    await some();
  }
  return windows;
}

interface Heard {
  readonly phases: readonly Phase[];
  readonly tokenSeconds: readonly (readonly number[])[];
}

function heard(messages: readonly unknown[]): Heard {
  const phases: Phase[] = [];
  let tokenSeconds: readonly (readonly number[])[] = [];
  for (const message of messages as { phase?: Phase; answer?: Partial<Heard> }[]) {
    if (message.phase !== undefined) phases.push(message.phase);
    tokenSeconds = message.answer?.tokenSeconds ?? tokenSeconds;
  }
  if (phases.length === 0 || tokenSeconds.length === 0) throw new Error('no trial was heard');
  return { phases, tokenSeconds };
}

/** @returns seconds of a span in which ridge was stopped. */
function stoppedSeconds(windows: readonly Window[], start: number, end: number): number {
  let seconds = 0;
  for (const window of windows) {
    seconds += Math.max(0, Math.min(end, window.end) - Math.max(start, window.start));
  }
  return seconds;
}

/**
 * Each prefill by the share of it in which ridge was stopped: least squares, with a term of their own for those after a rest that nobody
 * answered, since they come after a longer one.
 */
function prefillRatio(phases: readonly Phase[], stopped: readonly Window[]): number {
  const prefills = phases.flatMap((phase, i) => {
    const before = phases[i - 1];
    if (phase.name !== 'prefill' || before?.name !== 'decode') return [];
    const seconds = phase.endSeconds - phase.startSeconds;
    return [
      {
        seconds,
        share: stoppedSeconds(stopped, phase.startSeconds, phase.endSeconds) / seconds,
        answered: phase.startSeconds - before.endSeconds < ANSWERED_SECONDS,
      },
    ];
  });
  let products = 0;
  let squares = 0;
  for (const answered of [true, false]) {
    const group = prefills.filter((one) => one.answered === answered);
    if (group.length < 2) continue;
    const [share, seconds] = [mean(group.map((one) => one.share)), mean(group.map((one) => one.seconds))];
    for (const one of group) {
      products += (one.share - share) * (one.seconds - seconds);
      squares += (one.share - share) ** 2;
    }
  }
  const slope = products / squares;
  const middle = mean(prefills.map(({ seconds }) => seconds));
  const atMiddle = mean(prefills.map(({ share }) => share));
  return (middle + slope * (1 - atMiddle)) / (middle - slope * atMiddle);
}

/**
 * All tokens that lie wholly in one kind of time: their seconds by what tokens at their positions usually take in this start, for later
 * ones look back on more.
 */
function decodeRatio(
  decodes: readonly Phase[],
  tokenSeconds: Heard['tokenSeconds'],
  stopped: readonly Window[],
): number {
  const usual = tokenSeconds[0]!.map((_, i) => median(tokenSeconds.map((seconds) => seconds[i]!)));
  const spent = { going: [0, 0], stopped: [0, 0] };
  decodes.forEach(({ startSeconds }, repeat) => {
    let start = startSeconds;
    tokenSeconds[repeat]!.forEach((seconds, i) => {
      const share = stoppedSeconds(stopped, start, start + seconds) / seconds;
      start += seconds;
      if (share > 0 && share < 1 - 1e-9) return;
      const sums = share > 0 ? spent.stopped : spent.going;
      sums[0]! += seconds;
      sums[1]! += usual[i]!;
    });
  });
  const rate = ([seconds, expected]: readonly number[]) => expected! / seconds!;
  return rate(spent.going) / rate(spent.stopped);
}
