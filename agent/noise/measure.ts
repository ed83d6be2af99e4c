import { FailureError, failed } from '../../core/errors.js';
import type { Experiment } from '../../core/experiment/experiment.js';
import type { ResultRecord } from '../../core/result/result.js';
import type { WindowUse } from '../../judgement/disturbance.js';
import { monotonicSeconds } from '../../process/isolation/clock.js';
import { readMachineTime, useBetween } from '../roofs/machine.js';
import type { TrialContext } from '../trial/context.js';
import { startTrial } from '../trial/start.js';

/** Blocks of a longer look; a shorter one has the fewest that tell blocks apart at all. */
const BLOCKS = 6;
const FEWEST_BLOCKS = 3;
/** So that a block lasts long enough for something to come and go. */
const BLOCK_SECONDS = 5;
/** Of each block: one alone would not tell starts from blocks. */
const FEWEST_STARTS = 2;

export interface NoiseRequest {
  /** What is measured again and again; its number of repeats is fixed. */
  readonly experiment: Experiment;
  readonly deviceId: string;
  readonly node: TrialContext;
  /** How long to look; more where the fewest starts take longer. */
  readonly seconds: number;
  /** Hears after each start for how long has been measured. */
  readonly onProgress: (seconds: number) => void;
  /** Ends the start that runs. */
  readonly signal: AbortSignal;
}

export interface NoiseRecords {
  /** Complete records of the starts, by block. */
  readonly blocks: readonly (readonly ResultRecord[])[];
  readonly seconds: number;
  /** What else used the machine meanwhile; null where the system does not say. */
  readonly use: WindowUse | null;
}

/**
 * Measures one experiment in fresh processes, one after the other: whole trials, launched as an agent
 * launches them. Blocks are parts of the time, of equal length.
 * @throws FailureError of a start that fails, and `cancelled`.
 */
export async function measureNoise(request: NoiseRequest): Promise<NoiseRecords> {
  const { seconds, onProgress, signal } = request;
  const count = Math.max(FEWEST_BLOCKS, Math.min(BLOCKS, Math.floor(seconds / BLOCK_SECONDS)));
  const before = readMachineTime();
  const begin = monotonicSeconds();
  const elapsed = () => monotonicSeconds() - begin;
  const blocks: ResultRecord[][] = [];
  for (let block = 0; block < count; block++) {
    const starts: ResultRecord[] = [];
    const end = ((block + 1) * seconds) / count;
    while (starts.length < FEWEST_STARTS || elapsed() < end) {
      if (signal.aborted) throw failed('cancelled', 'the measurement was interrupted');
      starts.push(await oneStart(request, block, starts.length));
      onProgress(elapsed());
    }
    blocks.push(starts);
  }
  return { blocks, seconds: elapsed(), use: useBetween(before, readMachineTime()) };
}

async function oneStart(
  { experiment, deviceId, node, signal }: NoiseRequest,
  block: number,
  index: number,
): Promise<ResultRecord> {
  const trial = startTrial(
    {
      trialId: `noise-${block}-${index}`,
      sweepId: 'noise',
      sweepName: 'noise',
      position: 0,
      block,
      purpose: 'measure',
      attempt: 1,
      deviceId,
      experiment,
      leaseSeconds: Number.MAX_SAFE_INTEGER,
    },
    node,
  );
  const kill = () => trial.kill('interrupted');
  signal.addEventListener('abort', kill);
  try {
    const record = await trial.done;
    if (record.failure !== null) throw new FailureError(record.failure);
    return record;
  } finally {
    signal.removeEventListener('abort', kill);
  }
}
