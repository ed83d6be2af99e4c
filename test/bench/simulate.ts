/**
 * bench:simulate: three coordinators on one log and three agents in one process, with clock, randomness, log,
 * network and disk of their own, by seeds: the real dispatcher, scheduler, registry, sessions and leases;
 * what is simulated is the store, the wires and the agents. The seed has coordinators and agents killed and
 * stopped, cut off, their messages late, lost and sent twice, the store stall, wall clocks jump; sweeps come
 * in namespaces with quotas, are paused and resumed, and change their priorities.
 *
 * 1. Of every history a checker that knows nothing of coordinators says: no acknowledged result is lost, none
 *   is refused, no point counts twice, no two nodes have the same start of a point under leases that hold,
 *   nothing is leased that is in the log, nor to a node that whoever takes over would not wait for, the log
 *   read anew says what each coordinator says, no device is idle for longer than two asks while somebody may
 *   use it, and the sweeps come to their ends.
 * 2. It finds each bug that is planted around the product (simulate/plants.ts) in fewer than 1,000 seeds.
 *
 *   npm run bench -- simulate [--seeds=10000] [--from=1] [--seed=N] [--plant=NAME|none]
 */
import { parseArgs } from 'node:util';
import { conclude, type Figure } from './figure.js';
import { PLANTS, type Plants } from './simulate/plants.js';
import { simulate } from './simulate/run.js';

const { values } = parseArgs({
  options: {
    seeds: { type: 'string', default: '10000' },
    from: { type: 'string', default: '1' },
    seed: { type: 'string' },
    plant: { type: 'string' },
  },
});
const MOST_PLANT_SEEDS = 1000;
const MOST_MINUTES = 60;

if (values.seed !== undefined) {
  const plants = values.plant === undefined ? {} : { [values.plant]: true };
  const history = await simulate(Number(values.seed), plants);
  console.log(history);
  process.exit(history.violations.length > 0 ? 1 : 0);
}

const figures: Figure[] = [];
const wanted = Object.keys(PLANTS).filter((name) => values.plant === undefined || values.plant === name);
for (const name of wanted as (keyof Plants)[]) {
  let found: string | null = null;
  let seed = 1;
  for (; seed < MOST_PLANT_SEEDS && found === null; seed += 1) {
    found = (await simulate(seed, { [name]: true })).violations[0] ?? null;
  }
  console.log(`planted: ${PLANTS[name]}: ${found === null ? 'not found' : `seed ${seed - 1}: ${found}`}`);
  figures.push({
    claim: `a planted bug is found: ${PLANTS[name]}`,
    measured: found === null ? 'not found' : `by seed ${seed - 1}: ${found.replace(/^[\d.]+ s: /, '')}`,
    required: `in fewer than ${MOST_PLANT_SEEDS} seeds`,
    holds: found !== null,
  });
}

const [count, from] = [Number(values.seeds), Number(values.from)];
const begun = performance.now();
let [bad, faults, results, simulated] = [0, 0, 0, 0];
for (let seed = from; seed < from + count; seed += 1) {
  const history = await simulate(seed);
  faults += history.faults.length;
  results += history.results;
  simulated += history.seconds;
  if (history.violations.length > 0) {
    bad += 1;
    console.log(
      `seed ${seed}: ${history.violations.slice(0, 3).join('; ')}\n  ${history.faults.join('\n  ')}`,
    );
  }
  if ((seed - from + 1) % 500 === 0)
    console.log(
      `${seed - from + 1} seeds, ${((seed - from + 1) / ((performance.now() - begun) / 1000)).toFixed(1)} a second`,
    );
}
const minutes = (performance.now() - begun) / 60_000;
figures.push({
  claim: 'histories in which everything holds',
  measured: `${count - bad} of ${count} seeds, ${faults} faults, ${results} results, ${(simulated / 3600).toFixed(0)} h of simulated time, in ${minutes.toFixed(1)} min (${(count / (60 * minutes)).toFixed(1)} seeds/s)`,
  required: `all, within ${MOST_MINUTES} minutes`,
  holds: bad === 0 && minutes < MOST_MINUTES,
});
conclude('simulate', figures);
process.exit();
