/**
 * Every door of a coordinator under attack: `ridge coordinator` with TLS, tokens, a SQLite log, web view and
 * metrics takes hostile messages over every RPC and route, strangers with certificates and tokens for less,
 * slow callers, floods, replays and forged reports, while two honest nodes measure. Each attack has to be
 * refused with a status and a sentence, to be in the audit log where somebody is known, and to leave neither
 * the process nor its memory the worse; honest nodes get work within seconds all the time.
 *
 * `--messages=N` (100,000), `--requests=N` (10,000), `--seed=N`, `--only=NAME,…`.
 */
import { Ground } from './attack/ground.js';
import { countOf, optionOf } from './attack/options.js';
import { Doors } from './doors/doors.js';
import { calls, connections, frames } from './doors/floods.js';
import { forged } from './doors/forged.js';
import { httpFuzz, rpcFuzz } from './doors/fuzz.js';
import { certificates, names, namespaces, scopes } from './doors/identities.js';
import { slow } from './doors/slow.js';
import { conclude, type Figure } from './figure.js';

const seed = countOf('seed', 48);
const only = optionOf('only');
const attacks = [
  ...[scopes, namespaces, certificates, forged],
  rpcFuzz(countOf('messages', 100_000), seed),
  httpFuzz(countOf('requests', 10_000), seed),
  ...[slow, connections, calls, frames, names],
];

const ground = new Ground();
const figures: Figure[] = [];
try {
  const doors = await Doors.open(ground);
  for (const attack of attacks) {
    if (only?.split(',').includes(attack.name) === false) continue;
    const figure = await doors.stand(attack);
    figures.push(figure);
    console.log(`${figure.holds ? 'holds' : 'FALLS SHORT'} ${figure.claim}: ${figure.measured}`);
  }
  await doors.close();
} finally {
  await ground.close();
}
conclude('doors', figures);
process.exit();
