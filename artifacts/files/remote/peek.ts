import { type FailureError, failed } from '../../../core/errors.js';
import type { ModelFacts } from '../../../core/experiment/experiment.js';
import type { RemoteSource } from '../../../core/models/remote.js';
import { FormatError, type Front, type Peek } from '../../../formats/format.js';
import { FETCHED_FOLDERS } from '../../../formats/index.js';
import { Gathered } from '../../../proto/http/gathered.js';
import { arriving } from './arriving.js';
import { digestOfPlaces, type Place, placesOf } from './places.js';
import { requireModel } from './refusals.js';
import { type Asking, ask, hostOf, sizeOf } from './request.js';
import { retrying } from './retries.js';
import { refuseStatus } from './status.js';

export interface Peeked {
  readonly facts: ModelFacts;
  /** Of the file's content, where the hub says it; null = not known before it is fetched. */
  readonly digest: string | null;
}

/** Most headers fit the first front; the vocabulary of a large one needs the next, or the one after. */
const FIRST_FRONT_BYTES = 2 ** 20;
const TIMES_LONGER = 16;

/**
 * Reads a model's header over the network, without fetching its weights.
 * @throws FailureError as fetching does, and `model-unreadable`.
 */
export async function peek(source: string, remote: RemoteSource, asking: Asking): Promise<Peeked> {
  const all = await placesOf(source, remote, asking);
  const folder = FETCHED_FOLDERS.find(({ parts }) =>
    all.some(({ name }) => name !== null && parts.looked(name)),
  );
  const places = all.filter(({ name }) => name === null || folder?.parts.looked(name) === true);
  const fetchBytes = async ({ address }: Place, bytes: number) =>
    await retrying(source, asking, async () => await readFront(source, address, bytes, asking));
  const fronts: Front[] = [];
  for (const place of places) fronts.push(await fetchBytes(place, FIRST_FRONT_BYTES));
  const [first] = fronts;
  const { peek: header } = folder ?? requireModel(first!.front, source);
  for (;;) {
    const inspected = inspectFronts(source, header, fronts);
    if ('facts' in inspected) return { facts: inspected.facts, digest: digestOfPlaces(all) };
    const { goesOn } = inspected;
    const { length } = fronts[goesOn]!.front;
    const { mostBytes } = header;
    if (length >= mostBytes) throw unusable(source, `its header is longer than ${mostBytes} bytes`);
    fronts[goesOn] = await fetchBytes(places[goesOn]!, length * TIMES_LONGER);
  }
}

function inspectFronts(source: string, { inspect }: Peek, fronts: readonly Front[]) {
  try {
    return inspect(fronts);
  } catch (error) {
    if (error instanceof FormatError) throw unusable(source, error.message);
    throw error;
  }
}

function unusable(source: string, why: string): FailureError {
  return failed('model-unreadable', `the model ${source} is not usable: ${why}`);
}

async function readFront(source: string, address: string, bytes: number, asking: Asking): Promise<Front> {
  const answer = await ask(address, { range: `bytes=0-${bytes - 1}` }, asking);
  const { status, headers, body, linked } = answer;
  try {
    if (status !== 200 && status !== 206) refuseStatus(answer, hostOf(address), source);
    const range = /^bytes 0-\d+\/(\d+)$/.exec(headers['content-range'] ?? '')?.[1];
    const totalBytes = status === 206 ? sizeOf(range) : sizeOf(headers['content-length']);
    const gathered = new Gathered(bytes);
    // A server without ranges would send all of it.
    for await (const chunk of arriving(answer, address, asking))
      if (!gathered.push(chunk) || gathered.length === bytes) break;
    return { path: address, front: gathered.bytes, fileBytes: totalBytes ?? linked.bytes ?? gathered.length };
  } finally {
    body.destroy();
  }
}
