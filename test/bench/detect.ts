/**
 * bench:detect: is a slowdown found with as many starts as the plan promised? Claims: one of 2 % and one of 5 % is found in at least 90 %
 * of 50 seeds, with the starts that `detectable` promises to find it with in 95 % of comparisons; equal things are called different no
 * more often than chance does. Found is what the verdict of a single comparison says, its zone of indifference of 1 % included. A
 * method that keeps its promise misses one such claim in 4 % of benches (fewer than 45 finds of 50 at 95 % each); had 90 % been
 * promised, it would in 38 %.
 *
 * With --delay the slowdown is real: the fake runner waits longer in every step. One sweep has twins that are alike but for that, each
 * start a process with a speed of its own about the one that was asked for (`fakeStartSpread`), and all rows share their blocks. What
 * the first third of the blocks says of how starts differ gives the promised number; each seed takes so many blocks, the same ones for
 * both rows, and asks for the verdict of `ridge compare`. No block of a pair is in two of its seeds, unless the machine's own noise makes
 * the promise larger than a fifth of --starts.
 *
 *   npm run bench -- detect --delay [--twins=10] [--starts=45] [--out=FOLDER]
 *
 * With --from it is arithmetic on starts of one build that `reproduce` recorded, drawn anew for two runs, less the level of the run that
 * each is of, which `ridge compare` takes out. How a single row moved between runs stays in: the starts that are promised say how noisy
 * the machine was.
 *
 *   npm run bench -- detect --from=FOLDER    (the folder that reproduce wrote, --out)
 */
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { delayed } from './detect/delay.js';
import { recorded } from './detect/recorded.js';
import { conclude } from './figure.js';

const argument = (name: string): string | undefined =>
  process.argv.find((a) => a.startsWith(`--${name}=`))?.slice(name.length + 3);
const from = argument('from');
const delay = process.argv.includes('--delay');
if (from === undefined && !delay) {
  console.error(
    'detect needs --from=FOLDER, what `npm run bench -- reproduce --out=FOLDER` wrote, or --delay, which measures.',
  );
  process.exit(2);
}

const figures = from === undefined ? [] : recorded(from);
if (delay) {
  const out = argument('out') ?? mkdtempSync(join(tmpdir(), 'ridgepoint-detect-'));
  const size = { twins: Number(argument('twins') ?? 10), starts: Number(argument('starts') ?? 45) };
  figures.push(...delayed(out, size, (line) => console.error(`detect: ${line}`)));
}
conclude('detect', figures);
