import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { cutLayers } from '../../../artifacts/shape/cut-layers.js';
import {
  type ConfidentExit,
  confidentExit,
  type ExitReadings,
  type FixedExit,
  fixedExits,
} from '../../../core/quality/early-exit.js';
import { logSumExp, mostLikely, secondLargest } from '../../../core/quality/likelihood.js';
import type { WindowRequest } from '../../../core/quality/windows.js';
import { monotonicSeconds } from '../../../process/isolation/clock.js';
import { openLanguageModel, type QualityModel } from '../asking/language-model.js';
import { cutText, inputOf } from '../asking/text.js';
import type { Watch } from '../watch.js';

export interface ExitsJob {
  readonly model: QualityModel & { readonly modelPath: string };
  /** Layers before each exit, ascending, all fewer than the model has. */
  readonly layers: readonly number[];
  /** That the model has. */
  readonly allLayers: number;
  readonly path: string;
  readonly windows: WindowRequest;
  readonly thresholds: readonly number[];
}

export interface ExitsFound {
  readonly tokens: number;
  readonly fixed: readonly FixedExit[];
  readonly confident: readonly ConfidentExit[];
}

/** Decode steps that are timed at an exit. */
const STEPS = 64;

/**
 * Asks a model at several depths about the same text, one after the other: each is a file whose later layers
 * are left out, so what it says is what the whole model would say at that exit.
 * @throws FailureError `impossible-combination` for a text that is too short, and whatever writing and
 *   loading throw.
 */
export async function measureExits(job: ExitsJob, watch: Watch): Promise<ExitsFound> {
  const folder = mkdtempSync(join(tmpdir(), 'ridgepoint-exits-'));
  const readings: ExitReadings[] = [];
  try {
    for (const layers of [...job.layers, job.allLayers]) {
      const outputPath = join(folder, `first-${layers}.gguf`);
      const whole = layers === job.allLayers;
      if (!whole) await cutLayers({ inputPath: job.model.modelPath, outputPath, kept: layers });
      readings.push(await readAt(layers, whole ? job.model.modelPath : outputPath, job, watch));
      rmSync(outputPath, { force: true });
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  return {
    tokens: readings[0]!.loss.length,
    fixed: fixedExits(readings),
    confident: job.thresholds.map((threshold) => confidentExit(readings, threshold)),
  };
}

async function readAt(layers: number, modelPath: string, job: ExitsJob, watch: Watch): Promise<ExitReadings> {
  const { model: asked, path, windows: request } = job;
  const model = await openLanguageModel({ ...asked, modelPath, contextTokens: request.context + STEPS });
  try {
    const { tokens, windows } = cutText(model, { path, windows: request, basePrecision: 'exact' });
    const [gap, likeliest, loss]: number[][] = [[], [], []];
    for (const [i, window] of windows.entries()) {
      model.reset(0);
      model.text.evaluate(inputOf(model.text, tokens, window), window.firstScored, (at, logits) => {
        if (at >= window.length - 1) return;
        const first = mostLikely(logits);
        const total = logSumExp(logits);
        gap!.push(Math.exp(logits[first]! - total) - Math.exp(secondLargest(logits, first) - total));
        likeliest!.push(first);
        loss!.push(total - logits[tokens[window.start + at + 1]!]!);
      });
      watch.progress({ what: `exit ${layers}`, done: i + 1, total: windows.length, value: null });
      await watch.checkStop();
    }
    const seconds = Array.from({ length: STEPS }, (_, i) => {
      const begun = monotonicSeconds();
      model.text.evaluate(tokens.subarray(i, i + 1), 0, () => {});
      return monotonicSeconds() - begun;
    });
    return {
      layers,
      gap: Float32Array.from(gap!),
      likeliest: Int32Array.from(likeliest!),
      loss: Float32Array.from(loss!),
      stepSeconds: Math.min(...seconds),
    };
  } finally {
    model.close();
  }
}
