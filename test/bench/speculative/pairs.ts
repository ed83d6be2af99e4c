import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { llamaCpp } from '../../../engines/runners/llama-cpp/index.js';
import type { GreedyGenerator } from '../../../engines/runners/opened.js';
import { type GreedyRequest, open } from '../../../engines/runners/runner.js';
import { modelPath } from '../../models/loading.js';
import { RIDGE } from '../../support/ridge.js';
import { dequantized, smollm2Path } from '../prune-speed/smollm2.js';

/** A model and what drafts for it. */
export interface Pair {
  readonly name: string;
  readonly model: string;
  readonly draft: string;
}

/** The shipped models, and SmolLM2-135M with itself in Q2_K, where its file is here. */
export function pairsIn(folder: string): Pair[] {
  const shipped = { name: 'small and tiny', model: modelPath('small'), draft: modelPath('tiny') };
  const smollm2 = smollm2Path();
  if (smollm2 === null) return [shipped];
  const model = join(folder, 'smollm2-f16.gguf');
  if (!existsSync(model)) dequantized(smollm2, folder);
  const draft = join(folder, 'smollm2-q2_k.gguf');
  if (!existsSync(draft))
    execFileSync(process.execPath, [RIDGE, 'quantize', model, draft, '--type', 'q2_k'], {
      stdio: ['ignore', 2, 2],
    });
  return [shipped, { name: 'SmolLM2-135M and its Q2_K', model, draft }];
}

export const CONTEXT = 512;

/** Opens a pair on one thread: two would wait for each other wherever somebody else has a CPU. */
export function openPair({ model, draft }: Pair, changes: Partial<GreedyRequest>): Promise<GreedyGenerator> {
  return open(llamaCpp, 'greedy-generator', {
    modelPath: model,
    draftPath: draft,
    options: { threads: 1 },
    deviceClass: 'cpu',
    deviceId: 'cpu0',
    cpus: [0],
    contextTokens: CONTEXT,
    sequences: 1,
    drafting: null,
    sharedTokens: 0,
    ...changes,
  });
}
