import { inNamespace, type NamespacePolicy } from '../../../coordinator/scheduler/namespaces.js';
import { readSweep } from '../../../coordinator/sweeps.js';
import { fakeSweep } from '../../support/sweeps.js';
import type { World } from './world.js';

/** What namespaces may use. */
export type Policies = Readonly<Record<string, Pick<NamespacePolicy, 'runningTrials' | 'deviceHours'>>>;

/** A sweep of a history, and what its checker knows of it beforehand. */
export interface SimulatedSweep {
  readonly sweepId: string;
  readonly document: string;
  readonly namespace: string;
  readonly points: number;
  /** Valid starts that each of them is to have. */
  readonly starts: number;
  readonly priority: number;
  /** Seconds before it is submitted. */
  readonly at: number;
}

/** Invalid trials of a point, and failed ones, that are tried again. */
export const RETRIES = 5;

/** @returns what the seed has namespaces use: `few` some trials at a time, `poor` some seconds of devices. */
export function drawPolicies({ random }: World): Policies {
  return {
    few: { runningTrials: 1 + random.whole(2), deviceHours: null },
    poor: { runningTrials: null, deviceHours: random.between(5, 60) / 3600 },
    default: { runningTrials: null, deviceHours: null },
  };
}

/** @returns the sweeps of a seed: the first one has nobody above it, the others come in while it runs. */
export function drawSweeps({ random }: World, policies: Policies): SimulatedSweep[] {
  const names = Object.keys(policies);
  return Array.from({ length: 1 + random.whole(3) }, (_, index) => {
    const namespace = index === 0 ? 'default' : random.pick(names);
    const points = index === 0 ? 8 : 2 + random.whole(6);
    const starts = random.chance(0.5) ? 1 : 2;
    const driftControl = random.chance(0.3);
    const document = fakeSweep(points, {
      name: `sweep-${index}`,
      measure: `{ starts: ${starts}, retryInvalid: ${RETRIES} }`,
      placement: `{ driftControl: ${driftControl}, retries: ${RETRIES}, blockSize: ${driftControl ? 4 : 2 + random.whole(4)} }`,
      // No two ask for the same.
      promptTokens: 8 + index,
    });
    return {
      sweepId: inNamespace(readSweep(document, []), namespace).sweepId,
      document,
      namespace,
      points,
      starts,
      priority: random.whole(3),
      at: index === 0 ? 0.5 : random.between(0.5, 30),
    };
  });
}
