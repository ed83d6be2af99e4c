import { availableParallelism } from 'node:os';
import { basename } from 'node:path';
import { PROFILE } from '../../agent/profile/job.js';
import { FailureError } from '../../core/errors.js';
import type { ProfileRecord } from '../../core/result/profile-record.js';
import { defaultRunnerFor, formatsFor } from '../../core/runners/index.js';
import { formatOf } from '../../formats/index.js';
import { readAffinity } from '../../process/device/affinity.js';
import { taskOf } from '../../process/isolation/job.js';
import { usageError } from '../exit.js';
import { modelFoldersFor, modelSettings, openModel } from '../local-models.js';
import { nodeConfig } from '../node-config.js';
import { fileOf } from '../single/file-of.js';
import { runCommand } from '../single/run-command.js';
import { stepProgress } from '../single/step-progress.js';
import { stoppable, UNBOUND } from '../single/stoppable.js';
import type { ProfileOptions } from './command.js';
import { report } from './summary.js';

/** `ridge profile`: checks every word first, then times the operators in a child process. */
export async function profile(source: string, options: ProfileOptions): Promise<void> {
  if (options.promptTokens + options.generateTokens === 0)
    throw usageError('there is nothing to profile', 'Ask for prompt tokens, or for tokens to generate.');
  const folders = modelFoldersFor(source, options.models);
  const settings = modelSettings(folders, nodeConfig(options));
  await runCommand(async () => {
    const formats = formatsFor('profiled-generator');
    const model = await openModel(source, settings, formats);
    const path = await fileOf(model, settings.cacheFolder, formats);
    const threads = options.threads ?? availableParallelism();
    const runnerKind = defaultRunnerFor('profiled-generator', formatOf(path).name);
    const found = await timed(path, runnerKind, threads, options);
    report({ source, path, runnerKind, threads, options, profile: found }, options.json === true);
  });
}

async function timed(
  path: string,
  runnerKind: string,
  threads: number,
  options: ProfileOptions,
): Promise<ProfileRecord> {
  const { promptTokens, generateTokens, parallel, depth, device } = options;
  const progress = stepProgress(process.stderr, `profiling ${basename(path)}`);
  const child = stoppable({
    task: taskOf(PROFILE, {
      runnerKind,
      model: {
        modelPath: path,
        options: { threads },
        deviceClass: device,
        deviceId: '',
        cpus: readAffinity('self') ?? [],
      },
      workload: { promptTokens, generateTokens, parallel, contextDepth: depth },
    }),
    ...UNBOUND,
    onMessage: (message) => {
      if (message.type === 'progress') progress.step(message.done, message.of);
    },
  });
  const ending = await child.ended.finally(() => progress.end());
  if (ending.failure !== null) throw new FailureError(ending.failure);
  return ending.answer;
}
