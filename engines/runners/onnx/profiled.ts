import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ProfiledOperator } from '../../../core/result/profile-record.js';
import type { OnnxOptions } from '../../../core/runners/onnx.js';
import { readProfile } from '../../native/onnxruntime/profile.js';
import type { ProfiledGenerator } from '../opened.js';
import type { GeneratorRequest, WithOptions } from '../runner.js';
import { loadModel, weightsByNode } from './load.js';

/**
 * Opens a model twice, once with ONNX Runtime's profile: it is written all the time or not at all, and told
 * when it has ended.
 * @throws FailureError as `loadModel` does.
 */
export async function openProfiled(
  request: WithOptions<GeneratorRequest, OnnxOptions>,
): Promise<ProfiledGenerator> {
  const folder = mkdtempSync(join(tmpdir(), 'ridgepoint-profile-'));
  const plain = await loadModel(request);
  const watched = await loadModel(request, join(folder, 'profile'));
  /** Both until somebody says which: what is in the cache then is in both. */
  let active = [plain, watched];
  let taken = 0;
  let runs: ProfiledOperator[][] | null = null;
  const applyToAll = <T>(work: (model: typeof plain) => T): T => active.map(work).at(-1)!;
  return {
    facts: plain.facts,
    warnings: plain.warnings,
    reset: (keepTokens) => applyToAll((model) => model.reset(keepTokens)),
    prefill: (tokens) => applyToAll((model) => model.prefill(tokens)),
    steps: (tokens) => applyToAll((model) => model.steps(tokens)),
    watch(on) {
      active = [on ? watched : plain];
    },
    take() {
      const [from, to] = [taken, watched.runs];
      taken = to;
      return () => {
        runs ??= readProfile(watched.endProfile(), weightsByNode(watched.path));
        return runs.slice(from, to).flat();
      };
    },
    close() {
      plain.close();
      watched.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
