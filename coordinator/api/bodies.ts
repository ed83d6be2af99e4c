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
import type { Dispatcher } from '../dispatcher.js';
import type { Log } from '../log/log.js';
import { resultOfTrial } from '../results.js';
import { type Seer, seesSweep } from './visible.js';

export interface BodiesApi {
  /** null = the coordinator keeps none. */
  readonly bodies: KeptBodies | null;
  readonly log: Log;
  readonly dispatcher: Dispatcher;
}

/** Files that records refer to, brought by agents and given to whoever may read a result that refers to them. */
export function bodyService({ bodies, log, dispatcher }: BodiesApi, handlers: Handlers): BodyServiceServer {
  return {
    findBody: handlers.unary(({ digest }, { caller }) => kept(bodies).incoming.find(caller, digest)),
    putBody: handlers.unary((request, { caller }) => kept(bodies).incoming.take(caller, request)),
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
