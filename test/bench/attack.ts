/**
 * Attacks Ridgepoint from outside: every defect that an attacker found once is made again (`checks`),
 * processes are killed at random while sweeps run (`kills`), and a coordinator is filled with results
 * (`load`). Each check prints `holds` or `open` and what was seen; one that is open fails the bench.
 *
 * `--only=checks|kills|load`, `--check=NAME` (or the beginning of names), `--list`, `--kills=N` of each log,
 * `--records=N` for the long JetStream read, `--sizes=1000,10000,50000` results of the load,
 * `--heartbeats=N` (0 = none) and `--results=N` of the stream that is weighed.
 */
import type { Check, Outcome } from './attack/check.js';
import { checks } from './attack/checks/index.js';
import { Ground, within } from './attack/ground.js';
import { killSeries } from './attack/kills.js';
import { loadSeries, streamLoad } from './attack/load.js';
import { countOf, optionOf } from './attack/options.js';
import { machine } from './figure.js';

const only = optionOf('only');
const wanted = optionOf('check');
const outcomes: Outcome[] = [];

function tell(name: string, claim: string, outcome: Outcome): void {
  outcomes.push(outcome);
  console.log(`${outcome.holds ? 'holds' : 'open '} ${name}: ${claim}: ${outcome.figure}`);
}

/** Whatever keeps an attack from its end has not been shown to hold. */
function broken(error: unknown): Outcome {
  return { holds: false, figure: `it did not end: ${error instanceof Error ? error.message : error}` };
}

async function attack(check: Check): Promise<Outcome> {
  const ground = new Ground();
  try {
    return await within(check.seconds ?? 120, 'the attack to end', check.run(ground));
  } catch (error) {
    return broken(error);
  } finally {
    await ground.close();
  }
}

if (process.argv.includes('--list')) {
  for (const { name, claim } of checks) console.log(`${name}: ${claim}`);
  process.exit(0);
}

const chosen = checks.filter(({ name }) => wanted === null || name.startsWith(wanted));
if (only === null || only === 'checks') {
  for (const check of chosen) tell(check.name, check.claim, await attack(check));
}

if ((only === null || only === 'kills') && wanted === null) {
  const kills = countOf('kills', 60);
  for (const kind of ['sqlite', 'jetstream'] as const) {
    const claim = `nothing accepted is lost or stored twice over ${kills} kills, and everything is finished`;
    tell(`kills-${kind}`, claim, await killSeries(kind, kills).catch(broken));
  }
}

if ((only === null || only === 'load') && wanted === null) {
  for (const size of (optionOf('sizes') ?? '1000,10000,50000').split(',').map(Number)) {
    for await (const { name, claim, ...outcome } of loadSeries(size)) tell(name, claim, outcome);
  }
  const [heartbeats, results] = [countOf('heartbeats', 1_000_000), countOf('results', 100_000)];
  if (heartbeats > 0) {
    const { name, claim, ...outcome } = await streamLoad(heartbeats, results);
    tell(name, claim, outcome);
  }
}

console.log(`\n${machine()}, ${new Date().toISOString().slice(0, 10)}`);
const held = outcomes.filter(({ holds }) => holds).length;
console.log(`bench:attack: ${held} of ${outcomes.length} hold`);
process.exit(held === outcomes.length && held > 0 ? 0 : 1);
