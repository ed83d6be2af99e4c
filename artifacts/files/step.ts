import { sha256 } from '@noble/hashes/sha2.js';
import { bytesToHex, utf8ToBytes } from '@noble/hashes/utils.js';
import { canonicalJson } from '../../core/sweep/identity.js';
import type { ProgressReport, Task } from '../../process/isolation/job.js';
import type { Learned } from '../../process/isolation/learned.js';
import type { Launcher } from './build-file.js';

/**
 * One transform on the way from a base to the file that runs. The same step makes the same file of the same
 * file.
 */
export interface Step {
  /** For people and records: `prune(wanda:50%)`. */
  readonly recipe: string;
  /** All else that the file follows from: the engine's release, digests of texts and adapters. */
  readonly ingredients: Readonly<Record<string, string>>;
  /** @returns what the file may need on the disk; left out = as much as what it is made of. */
  bytes?(inputBytes: number): number;
  /** Gets ready what the step needs beside its input. @returns the task that makes the file. */
  taskFor(inputPath: string, inputDigest: string, context: StepContext): Promise<TaskFor>;
}

export type TaskFor = (outputPath: string) => Task<Learned, ProgressReport>;

/** Where a step is carried out. */
export interface StepContext {
  readonly cpus: readonly number[];
  readonly timeLimitSeconds: number;
  readonly launcher: Launcher;
  /** Left out = one for each of the CPUs. */
  readonly threads?: number;
}

/** @returns how many threads a step takes. */
export const threadsIn = ({ threads, cpus }: Pick<StepContext, 'threads' | 'cpus'>): number =>
  threads ?? Math.max(1, cpus.length);

/** @returns 24 hex digits that name what a chain of steps makes of a base. */
export function chainName(baseDigest: string, steps: readonly Step[]): string {
  const chain = steps.map(({ recipe, ingredients }) => [recipe, ingredients]);
  return bytesToHex(sha256(utf8ToBytes(canonicalJson([baseDigest, chain])))).slice(0, 24);
}
