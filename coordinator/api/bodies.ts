import { quote } from '../../core/quote.js';
import { bodiesOf } from '../../core/result/bodies.js';
import { WireError } from '../../proto/errors.js';
import type {
  BodyServiceServer,
  GetBodyRequest,
  GetBodyResponse,
} from '../../proto/gen/ridgepoint/v1/bodies.js';
import { BODY_PIECE_BYTES } from '../../proto/limits.js';
import type { Handlers } from '../../proto/server.js';
import type { KeptBodies } from '../bodies/open.js';
import { hexOf } from '../bodies/store.js';
import type { BodyUsage } from '../bodies/usage.js';
import type { Dispatcher } from '../dispatcher.js';
import type { Log } from '../log/log.js';
import type { Registry } from '../registry/registry.js';
import { resultOfTrial } from '../results.js';
import { namespaceOf } from '../scheduler/namespaces.js';
import { type Seer, seesSweep } from './visible.js';

export interface BodiesApi {
  /** null = the coordinator keeps none. */
  readonly bodies: KeptBodies | null;
  readonly usage: BodyUsage | null;
  readonly log: Log;
  readonly dispatcher: Dispatcher;
  readonly registry: Registry;
}

/**
 * Files that records refer to, brought by agents and given to whoever may read a result that refers to them.
 */
export function bodyService(api: BodiesApi, handlers: Handlers): BodyServiceServer {
  const { bodies, log, dispatcher } = api;
  return {
    findBody: handlers.unary(({ digest }, { caller }) => kept(bodies).incoming.find(caller, digest)),
    putBody: handlers.unary(async (request, { caller }) => {
      if (request.offset === 0) checkQuota(api, caller);
      return await kept(bodies).incoming.take(caller, request);
    }),
    getBody: handlers.stream(async function* (request, { who }) {
      const { store } = kept(bodies);
      const hex = (await sees(log, dispatcher, who, request)) ? hexOf(request.digest) : null;
      const body = hex === null ? null : await store.open(hex);
      // One of another namespace is not there.
      if (body === null)
        throw new WireError('not-found', `The coordinator has no file ${quote(request.digest)}.`);
      yield* piecesOf(body as AsyncIterable<Buffer>, request.offset);
    }),
  };
}

/**
 * A file is brought for what the caller's nodes have measured, whose leases they hold until it is reported.
 * @throws WireError where no namespace of those may have more
 */
function checkQuota({ usage, dispatcher, registry }: BodiesApi, caller: string): void {
  const own = new Set(
    registry.entries().flatMap(({ session }) => (session?.caller === caller ? [session.node] : [])),
  );
  const namespaces = [...dispatcher.state.leases.values()]
    .filter(({ node }) => own.has(node))
    .map(({ sweepId }) => namespaceOf(dispatcher.state, sweepId));
  const refusals = namespaces.map((namespace) => usage?.refusal(namespace) ?? null);
  const [first = null] = refusals;
  if (first !== null && !refusals.includes(null)) throw new WireError('refused', first);
}

/** A file in messages. @param skipped bytes at its beginning that are not wanted. */
export async function* piecesOf(
  file: AsyncIterable<Buffer>,
  skipped: number,
): AsyncGenerator<GetBodyResponse> {
  let left = skipped;
  for await (const chunk of file) {
    const unwanted = Math.min(left, chunk.length);
    left -= unwanted;
    for (let from = unwanted; from < chunk.length; from += BODY_PIECE_BYTES)
      yield { piece: chunk.subarray(from, from + BODY_PIECE_BYTES) };
  }
}

/** Whether a file belongs to a result that somebody may know of. */
async function sees(
  log: Log,
  dispatcher: Dispatcher,
  who: Seer,
  { digest, trialId }: GetBodyRequest,
): Promise<boolean> {
  if (who.namespaces === null) return true;
  const record = (await resultOfTrial(log, dispatcher, trialId, 'row'))?.record();
  return (
    record !== undefined &&
    seesSweep(dispatcher, who, record.sweep.id) &&
    bodiesOf(record).some((body) => body.digest === digest)
  );
}

function kept(bodies: KeptBodies | null): KeptBodies {
  if (bodies !== null) return bodies;
  throw new WireError('not-found', 'This coordinator keeps no answers: its configuration has no `bodies`.', [
    'They are in the caches of the nodes that asked.',
  ]);
}
