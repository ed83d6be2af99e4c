import { quote } from '../../core/quote.js';
import { WireError } from '../../proto/errors.js';
import type { BodyServiceServer } from '../../proto/gen/ridgepoint/v1/bodies.js';
import { BODY_PIECE_BYTES } from '../../proto/limits.js';
import type { Handlers } from '../../proto/server.js';
import type { KeptBodies } from '../bodies/open.js';
import { hexOf } from '../bodies/store.js';

/** Files that records refer to, brought by agents and given to whoever may read results. */
export function bodyService(bodies: KeptBodies | null, handlers: Handlers): BodyServiceServer {
  return {
    findBody: handlers.unary(({ digest }, { caller }) => kept(bodies).incoming.find(caller, digest)),
    putBody: handlers.unary((request, { caller }) => kept(bodies).incoming.take(caller, request)),
    getBody: handlers.stream(async function* ({ digest, offset }) {
      const { store } = kept(bodies);
      const hex = hexOf(digest);
      const body = hex === null ? null : await store.open(hex);
      if (body === null) throw new WireError('not-found', `The coordinator has no file ${quote(digest)}.`);
      let left = offset;
      for await (const chunk of body as AsyncIterable<Buffer>) {
        const skipped = Math.min(left, chunk.length);
        left -= skipped;
        for (let from = skipped; from < chunk.length; from += BODY_PIECE_BYTES) {
          yield { piece: chunk.subarray(from, from + BODY_PIECE_BYTES) };
        }
      }
    }),
  };
}

function kept(bodies: KeptBodies | null): KeptBodies {
  if (bodies !== null) return bodies;
  throw new WireError('not-found', 'This coordinator keeps no answers: its configuration has no `bodies`.', [
    'They are in the caches of the nodes that asked.',
  ]);
}
