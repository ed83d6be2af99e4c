/**
 * What happens when what a user gives is wrong, or the machine is: each case runs the built `ridge` as a user
 * would and looks at the exit code, at the one reason and the next step, at what is left on the disk and at
 * what is left running. Last, 500 damaged models go through a real agent.
 *
 *   npm run bench -- bad-input [words of a case's name]
 */

import { setTimeout as sleep } from 'node:timers/promises';
import { DISK_CASES } from './bad-input/disk.js';
import { fuzz } from './bad-input/fuzz.js';
import { type Case, Ground, NotRun } from './bad-input/ground.js';
import { MODEL_CASES } from './bad-input/models.js';
import { NEIGHBOUR_CASES } from './bad-input/neighbours.js';
import { PORT_CASES } from './bad-input/ports.js';
import { WORD_CASES } from './bad-input/words.js';
import { conclude, type Figure } from './figure.js';

const MUTATIONS = 500;
const CASE_SECONDS = 240;
const chosen = process.argv.slice(2).join(' ');
const cases = [...MODEL_CASES, ...WORD_CASES, ...PORT_CASES, ...DISK_CASES, ...NEIGHBOUR_CASES].filter(
  ({ name }) => name.includes(chosen),
);

type Outcome = 'ok' | 'SHORT' | 'not run';

async function outcomeOf({ run }: Case): Promise<{ outcome: Outcome; wrong: readonly string[] }> {
  const ground = new Ground();
  const over = new AbortController();
  try {
    const wrong = await Promise.race([run(ground), tooLong(over.signal)]);
    const all = [...wrong, ...(await ground.leftovers())];
    return { outcome: all.length === 0 ? 'ok' : 'SHORT', wrong: all };
  } catch (error) {
    const outcome = error instanceof NotRun ? 'not run' : 'SHORT';
    return { outcome, wrong: [(error as Error).message] };
  } finally {
    over.abort();
    ground.close();
  }
}

/** A case that waits for something that never comes falls short; the bench goes on. */
async function tooLong(signal: AbortSignal): Promise<readonly string[]> {
  await sleep(CASE_SECONDS * 1000, undefined, { signal }).catch(() => {});
  return [`did not end within ${CASE_SECONDS} s`];
}

const counts: Record<Outcome, number> = { ok: 0, SHORT: 0, 'not run': 0 };
for (const one of cases) {
  const { outcome, wrong } = await outcomeOf(one);
  counts[outcome] += 1;
  console.log(`${outcome.padEnd(8)} ${one.name}`);
  for (const what of wrong) console.log(`         ${what.trimEnd().replaceAll('\n', '\n         ')}`);
}

const figures: Figure[] = [];
if (cases.length > 0) {
  figures.push({
    claim: 'wrong input is refused with a reason and loses nothing',
    measured: `${counts.ok} of ${cases.length} cases${counts['not run'] > 0 ? `, ${counts['not run']} not run` : ''}`,
    required: 'all',
    holds: counts.ok === cases.length,
  });
}
if (chosen === '' || 'fuzz'.includes(chosen)) figures.push(...(await fuzz(MUTATIONS)));
conclude('bad-input', figures);
