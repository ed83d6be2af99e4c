import type { Readings, Starts } from '../../../statistics/weighted-starts.js';
import { type Draw, shuffled } from './draw.js';

/**
 * Share of the time that a neighbour is on the cores, how long it stays (seconds), and the share of the time
 * that CPUs lie far apart.
 */
export interface Neighbours {
  readonly name: string;
  readonly share: number;
  readonly seconds: number;
  readonly far: number;
}

export const NEIGHBOURS: readonly Neighbours[] = [
  { name: 'calm', share: 0.06, seconds: 15, far: 0.02 },
  { name: 'busy', share: 0.5, seconds: 20, far: 0.15 },
  { name: 'heavy', share: 0.85, seconds: 30, far: 0.2 },
];

/**
 * One machine with its rows: how fast each is alone, what it loses with a core and to far cores, and how
 * noisy it is.
 */
export interface Machine {
  readonly centres: readonly number[];
  readonly slopes: readonly (readonly [lost: number, far: number])[];
  readonly noise: readonly number[];
}

const ROWS = 12;
/**
 * Seconds of a step of time, of a start with all that belongs to it, and of what is read of it, at its end.
 */
const STEP = 0.2;
const START = 3.4;
const MEASURED = 1.4;
/** What a sitting, and a pass of it, does to all rows; how far readings are off. */
const SITTING = 0.022;
const PASS = 0.015;
const MISREAD = [0.015, 0.04] as const;

/** Rows of decode that lose about what the records lost that priors come from; none just that. */
export function machineOf(draw: Draw): Machine {
  const each = <T>(of: () => T) => Array.from({ length: ROWS }, of);
  return {
    centres: each(() => 7.4 + 0.3 * draw.normal()),
    slopes: each(() => [Math.max(0.1, 0.8 + 0.3 * draw.normal()), Math.max(0, 0.21 + 0.08 * draw.normal())]),
    noise: each(() => 0.055 * Math.exp(0.3 * draw.normal())),
  };
}

/** Something that comes and goes, step by step. */
function stretches(draw: Draw, share: number, seconds: number, all: number, size: () => number): number[] {
  const out: number[] = [];
  for (let here = draw.uniform() < share; out.length * STEP < all; here = !here) {
    const mean = here ? seconds : (seconds * (1 - share)) / share;
    const value = here ? size() : 0;
    for (let left = -mean * Math.log(draw.uniform()); left > 0; left -= STEP) out.push(value);
  }
  return out;
}

/** Student's t with 5 degrees of freedom, at standard deviation 1. */
function student(draw: Draw): number {
  const squares = Array.from({ length: 5 }, () => draw.normal() ** 2).reduce((sum, square) => sum + square);
  return draw.normal() / Math.sqrt(squares / 3);
}

/** All rows in one sitting, a start of each in every pass, in a random order. */
export function sitting(draw: Draw, machine: Machine, near: Neighbours, starts: number): Starts[] {
  const all = START * (ROWS * starts + 1);
  // Gamma distributed of shape 2: 0.16 of a core in the mean.
  const taken = () => Math.min(0.45, -0.08 * Math.log(draw.uniform() * draw.uniform()));
  const lost = stretches(draw, near.share, near.seconds, all, taken);
  const apart = stretches(draw, near.far, 12, all, () => (draw.uniform() < 2 / 3 ? 1.4 : 0.9));
  const shift = SITTING * draw.normal();
  const rows = machine.centres.map(() => ({ y: [] as number[], x: [] as Readings[] }));
  const read = (value: number, off: number) => Math.max(0, value + off * draw.normal());
  let at = START - MEASURED;
  for (let pass = 0; pass < starts; pass++) {
    const level = shift + PASS * draw.normal();
    for (const r of shuffled([...rows.keys()], draw)) {
      const [lack, far] = [meanFrom(lost, at), meanFrom(apart, at)];
      const [a, b] = machine.slopes[r]!;
      rows[r]!.y.push(machine.centres[r]! - a * lack - b * far + level + machine.noise[r]! * student(draw));
      rows[r]!.x.push([read(lack, MISREAD[0]), read(far, MISREAD[1]), 0]);
      at += START;
    }
  }
  return rows;
}

function meanFrom(steps: readonly number[], seconds: number): number {
  const part = steps.slice(Math.floor(seconds / STEP), Math.floor((seconds + MEASURED) / STEP));
  return part.reduce((sum, value) => sum + value, 0) / part.length;
}
