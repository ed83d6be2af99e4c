import { uniformFloat64 } from 'pure-rand/distribution/uniformFloat64';
import { xoroshiro128plus } from 'pure-rand/generator/xoroshiro128plus';
import { failed } from '../../core/errors.js';
import { drawLora, parseLoraShares } from '../../core/serving/loras.js';
import type { ServedEndpoint } from '../../engines/servers/served.js';
import type { PlannedRequest } from '../../load/endpoint.js';
import type { RequestMaker } from './serving-requests.js';

/** So that which adapter a request asks for has nothing to do with how long it is. */
const DRAW_SEED = 0x10fa;

/**
 * Has requests choose among the adapters of a server, by shares; a conversation keeps its own.
 * @throws FailureError `impossible-combination` for an adapter that the server cannot be asked for.
 */
export function choosingLoras(
  make: RequestMaker,
  written: string | null,
  { name: server, loras, profile: { loras: how } }: ServedEndpoint,
): RequestMaker {
  const shares = written === null ? [] : parseLoraShares(written);
  const refused = (why: string) => failed('impossible-combination', why);
  // The door has read it already.
  if (typeof shares === 'string') throw refused(shares);
  if (shares.length === 0) return make;
  if (how === null) throw refused(`the server ${server} cannot be asked for an adapter`);
  const bodies = new Map<string, Readonly<Record<string, unknown>>>();
  for (const { name } of shares) {
    if (name === null) continue;
    const index = loras.indexOf(name);
    if (index < 0 && loras.length > 0) throw refused(`the server ${server} has no adapter ${name}`);
    bodies.set(name, filled(how.request, { '{lora}': name, '{index}': index }) as Record<string, unknown>);
  }
  return (count, seed) => {
    const random = xoroshiro128plus((seed ^ DRAW_SEED) & 0x7fff_ffff);
    let lora: string | null = null;
    return make(count, seed).map((request): PlannedRequest => {
      if (request.turn === 0) lora = drawLora(shares, uniformFloat64(random));
      return lora === null ? request : { ...request, lora, body: bodies.get(lora)! };
    });
  };
}

/** @returns a value with words that stand for others filled in, however deep. */
function filled(value: unknown, values: Readonly<Record<string, unknown>>): unknown {
  if (typeof value === 'string') return Object.hasOwn(values, value) ? values[value] : value;
  if (Array.isArray(value)) return value.map((one) => filled(one, values));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, filled(one, values)]));
}
