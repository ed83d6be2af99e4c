import { MERGE_ADAPTERS, WRITE_ADAPTER } from '../artifacts/adapters/jobs.js';
import { CALIBRATE } from '../artifacts/calibration/job.js';
import { CONVERT } from '../artifacts/conversions/job.js';
import { LOOK } from '../artifacts/files/looking/job.js';
import { FETCH } from '../artifacts/files/remote/job.js';
import { SYNTHESIZE } from '../artifacts/files/synthetic/job.js';
import { QUANTIZE_FOUR_BIT } from '../artifacts/four-bit/job.js';
import { QUANTIZE_GRAPH } from '../artifacts/onnx/job.js';
import { PRUNE } from '../artifacts/pruning/job.js';
import { CUT_LAYERS, GIVE_WINDOW, GROUP_HEADS } from '../artifacts/shape/jobs.js';
import { PROBE, QUANTIZE } from '../engines/runners/jobs.js';
import { SERVE } from '../engines/servers/job.js';
import type { ChildMessage, Job } from '../process/isolation/job.js';
import { FACTORS } from './factors/job.js';
import { KERNELS } from './kernels/job.js';
import { PROFILE } from './profile/job.js';
import { COMPARE, EXITS, JUDGE, QUALITY, QUESTIONS, SERVED_QUALITY } from './quality/jobs.js';
import { CUDA_ROOFS, ROOFS } from './roofs/jobs.js';
import { TRIAL } from './trial/job.js';

/** Everything that child processes do. A new job is a description in its folder and one entry here. */
export const JOBS: readonly Job<never, unknown, ChildMessage>[] = [
  TRIAL,
  PROBE,
  QUANTIZE,
  QUANTIZE_FOUR_BIT,
  QUANTIZE_GRAPH,
  PRUNE,
  SYNTHESIZE,
  GROUP_HEADS,
  CUT_LAYERS,
  GIVE_WINDOW,
  MERGE_ADAPTERS,
  WRITE_ADAPTER,
  FETCH,
  LOOK,
  CONVERT,
  CALIBRATE,
  QUESTIONS,
  QUALITY,
  SERVED_QUALITY,
  COMPARE,
  EXITS,
  JUDGE,
  PROFILE,
  FACTORS,
  KERNELS,
  ROOFS,
  CUDA_ROOFS,
  SERVE,
];
