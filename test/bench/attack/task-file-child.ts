/**
 * Checks a task file as an agent does that also has a loop to keep: `task-file-child.ts FOLDER TASK`. Prints
 * as JSON for how long nothing else could be done, in seconds, and what was said of the file.
 */
import { join } from 'node:path';
import { evaluationOf } from '../../../agent/quality/policy.js';
import { toFailure } from '../../../core/errors.js';
import { launch } from '../../../process/isolation/launch.js';

const BEAT_MILLISECONDS = 50;

const [folder = '', task = ''] = process.argv.slice(2);
let beat = performance.now();
let longest = 0;
const clock = setInterval(() => {
  const now = performance.now();
  longest = Math.max(longest, now - beat);
  beat = now;
}, BEAT_MILLISECONDS);
const settings = { modelFolders: [folder], cacheFolder: join(folder, 'cache') };
const policy = { text: null, tasks: [task] };
const said = await evaluationOf(policy as never, settings, {}, launch).then(
  () => 'nothing',
  (error: unknown) => toFailure(error).message,
);
// What blocked the last beat is seen by the next one.
await new Promise((resolve) => setTimeout(resolve, 2 * BEAT_MILLISECONDS));
clearInterval(clock);
console.log(JSON.stringify({ blockedSeconds: longest / 1000, said }));
