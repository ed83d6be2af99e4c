import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { EXIT } from '../../../cli/exit.js';
import type { Phase } from '../../../core/result/result.js';
import { monotonicSeconds } from '../../../process/isolation/clock.js';
import { mean } from '../../../statistics/summary.js';
import { RIDGE, ROOT } from '../../support/ridge.js';

/**
 * A phase was stopped when so much of it was: the stop reaches `ridge` a moment after the trial has gone on.
 */
const MOSTLY = 0.9;
/** Repeats that are compared with each other, some seconds: a machine moves while a start runs. */
const BESIDE = 8;
/** The tokens of a decode that are looked at: `ridge` goes on before its last ones (trial-messages.mjs). */
const LOOKED_AT = 0.7;

/**
 * Speed of a trial while `ridge run` went on, by its speed while that was stopped: below 1 is what it takes.
 */
export interface WhileStopped {
  readonly prefill: number;
  readonly decode: number;
  readonly repeats: number;
  /** How many of them `ridge run` was stopped in. */
  readonly stopped: number;
}

/**
 * Runs `ridge` with one trial, and stops all of its own process (coordinator, agent, meters, display) during
 * half of the repeats, drawn at random. The trial's process goes on: it tells what it timed through a pipe,
 * and waits for nobody while it times. Each rest is answered as ever. So both kinds of repeats are of one
 * start, and nothing differs between them but the surroundings.
 *
 * @param file where the messages of the trial's process go meanwhile.
 */
export async function whileStopped(args: readonly string[], file: string): Promise<WhileStopped> {
  const hears = join(ROOT, 'test/bench/trial-messages.mjs');
  const ridge = spawn(process.execPath, ['--import', hears, RIDGE, ...args], {
    stdio: ['ignore', 'ignore', 'pipe'],
    env: { ...process.env, TRIAL_MESSAGES: file },
  });
  const ended = once(ridge, 'exit');
  const windows: Window[] = [];
  const said: string[] = [];
  createInterface({ input: ridge.stderr }).on('line', async (line) => {
    const [, milliseconds] = /^stop for (\d+)$/.exec(line) ?? [];
    if (milliseconds === undefined) {
      said.push(line);
      return;
    }
    ridge.kill('SIGSTOP');
    const start = monotonicSeconds();
    await sleep(Number(milliseconds));
    const end = monotonicSeconds();
    ridge.kill('SIGCONT');
    windows.push({ start, end });
  });
  const [code] = await ended;
  if (code !== EXIT.ok && code !== EXIT.invalid) {
    throw new Error(`ridge run ended with ${code}: ${said.join('\n')}`);
  }
  return ratios(JSON.parse(readFileSync(file, 'utf8')) as Message[], windows);
}

interface Window {
  readonly start: number;
  readonly end: number;
}

interface Message {
  readonly phase?: Phase;
  readonly answer?: { readonly tokenSeconds?: readonly (readonly number[])[] };
}

interface Reading {
  readonly seconds: number;
  readonly stopped: boolean;
}

function ratios(messages: readonly Message[], windows: readonly Window[]): WhileStopped {
  const phases = messages.flatMap(({ phase }) => phase ?? []);
  const tokens = messages.flatMap(({ answer }) => answer?.tokenSeconds ?? []);
  const reading = (start: number, end: number): Reading[] => {
    const share = stoppedSeconds(windows, start, end) / (end - start);
    if (share > 0 && share < MOSTLY) return [];
    return [{ seconds: end - start, stopped: share > 0 }];
  };
  const prefills = phases
    .filter(({ name }) => name === 'prefill')
    .map(({ startSeconds, endSeconds }) => reading(startSeconds, endSeconds));
  const decodes = phases
    .filter(({ name }) => name === 'decode')
    .map(({ startSeconds }, repeat) => {
      const looked = tokens[repeat]!.slice(0, Math.floor(LOOKED_AT * tokens[repeat]!.length));
      return reading(startSeconds, startSeconds + looked.reduce((sum, token) => sum + token, 0));
    });
  return {
    prefill: ratio(prefills),
    decode: ratio(decodes),
    stopped: decodes.flat().filter(({ stopped }) => stopped).length,
    repeats: decodes.length,
  };
}

/**
 * Least squares with a level for every few repeats: both kinds are compared where they lie beside each other,
 * and none is left out for what it took.
 * @returns seconds while stopped by seconds while going.
 */
function ratio(repeats: readonly (readonly Reading[])[]): number {
  let products = 0;
  let squares = 0;
  for (let first = 0; first < repeats.length; first += BESIDE) {
    const beside = repeats.slice(first, first + BESIDE).flat();
    if (beside.length === 0) continue;
    const share = mean(beside.map(({ stopped }) => Number(stopped)));
    const level = mean(beside.map(({ seconds }) => seconds));
    for (const { stopped, seconds } of beside) {
      products += (Number(stopped) - share) * (seconds - level);
      squares += (Number(stopped) - share) ** 2;
    }
  }
  if (squares === 0) throw new Error('no repeats of both kinds lay beside each other');
  const all = repeats.flat();
  const share = mean(all.map(({ stopped }) => Number(stopped)));
  const level = mean(all.map(({ seconds }) => seconds));
  const slower = products / squares;
  return (level + slower * (1 - share)) / (level - slower * share);
}

/** @returns seconds of a span in which ridge was stopped. */
function stoppedSeconds(windows: readonly Window[], start: number, end: number): number {
  let seconds = 0;
  for (const window of windows) {
    seconds += Math.max(0, Math.min(end, window.end) - Math.max(start, window.start));
  }
  return seconds;
}
