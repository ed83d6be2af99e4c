import { createHash } from 'node:crypto';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { MODEL_FORMATS } from '../../core/models/formats.js';
import { canonicalJson } from '../../core/sweep/identity.js';
import { type ObservedPlace, ON_CPU } from '../../engines/runners/observer.js';
import { digestOf } from '../../process/digest.js';
import { taskOf } from '../../process/isolation/job.js';
import { type BuildRequest, buildFile } from '../files/build-file.js';
import { withLock } from '../files/lock.js';
import { type StepContext, threadsIn } from '../files/step.js';
import { touched, trimFolder } from '../files/used.js';
import { writeImportanceMatrix } from './imatrix.js';
import { CALIBRATE } from './job.js';
import { readStatistics } from './saved.js';
import type { CalibrationWindows } from './sequences.js';

/** What statistics are wanted of. */
export interface StatisticsRequest {
  readonly modelPath: string;
  readonly modelDigest: string;
  readonly textPath: string;
  /** As the user called the text; goes into the files. */
  readonly textName: string;
  readonly windows: CalibrationWindows;
  /** Sequences, and tokens of each, at most. */
  readonly sequences: number;
  readonly tokens: number;
  /** The engine's release. */
  readonly engine: string;
  readonly cacheFolder: string;
}

export interface StatisticsContext extends Omit<StepContext, 'timeLimitSeconds'> {
  /** null = as long as it takes. */
  readonly timeLimitSeconds: number | null;
  /** Where the model is run, if it has to be; left out = on the CPU. */
  readonly place?: ObservedPlace;
  readonly onMessage?: BuildRequest['onMessage'];
}

export interface StatisticsFile {
  /** Safetensors, as `readStatistics` reads it. */
  readonly path: string;
  /** Of the collection; null when the file was there. */
  readonly seconds: number | null;
  readonly warnings: readonly string[];
}

/** The oldest files go when all together are larger: those of a model of 7 billion weights have 14 MB. */
const CACHE_BYTES = 2 ** 30;
const STATISTICS = MODEL_FORMATS.safetensors;
const MATRIX = `.imatrix${MODEL_FORMATS.gguf}`;

/**
 * Statistics of every linear layer of the dense model, collected in a child unless they were before: kept by
 * the digests of model and text, how the text is cut, and the engine's release; on which device they were
 * collected, their file says.
 * @throws FailureError of the child; `disk-full`.
 */
export async function statisticsFor(
  request: StatisticsRequest,
  context: StatisticsContext,
): Promise<StatisticsFile> {
  const { folder, name, textDigest } = await placeOf(request);
  const path = join(folder, `${name}${STATISTICS}`);
  return await withLock(join(folder, `${name}.lock`), async () => {
    if (await touched(path)) return { path, seconds: null, warnings: [] };
    const { modelPath, modelDigest, textPath, textName, windows, sequences, tokens, engine } = request;
    const { cpus, timeLimitSeconds, onMessage, launcher, place = ON_CPU } = context;
    const threads = threadsIn(context);
    const origin = { model: modelDigest, text: textDigest, textName, windows, engine };
    const job = { modelPath, textPath, sequences, tokens, threads, origin, place };
    const task = (outputPath: string) => taskOf(CALIBRATE, { job, outputPath });
    // Three f32 for each channel: nothing beside the model.
    const making = {
      path,
      bytes: 2 ** 20,
      task,
      what: 'the statistics of activations',
      cpus,
      timeLimitSeconds,
    };
    const { seconds, warnings } = await buildFile({ ...making, ...(onMessage && { onMessage }) }, launcher);
    await makeRoom(folder, path);
    return { path, seconds, warnings };
  });
}

/**
 * The same as an importance matrix of llama.cpp.
 * @returns its path.
 * @throws FailureError as statisticsFor does.
 */
export async function importanceMatrixFor(
  request: StatisticsRequest,
  context: StatisticsContext,
): Promise<string> {
  const { folder, name } = await placeOf(request);
  const path = join(folder, `${name}${MATRIX}`);
  if (await touched(path)) return path;
  const statistics = await statisticsFor(request, context);
  // Written beside its place and moved there: two that do it at once write the same.
  await writeImportanceMatrix(path, await readStatistics(statistics.path));
  await makeRoom(folder, path);
  return path;
}

async function placeOf(request: StatisticsRequest) {
  const { modelDigest, textPath, textName, windows, sequences, tokens, engine, cacheFolder } = request;
  const folder = join(cacheFolder, 'calibration');
  await mkdir(folder, { recursive: true });
  const textDigest = await digestOf(textPath, cacheFolder);
  const key = [modelDigest, textDigest, textName, windows, sequences, tokens, engine];
  const name = createHash('sha256').update(canonicalJson(key)).digest('hex').slice(0, 24);
  return { folder, name, textDigest };
}

async function makeRoom(folder: string, keep: string): Promise<void> {
  const isOne = (name: string) => name.endsWith(STATISTICS) || name.endsWith(MATRIX);
  await trimFolder(folder, isOne, CACHE_BYTES, keep);
}
