import { invalid, WireError } from '../../proto/errors.js';
import { ArtifactIntent, type ArtifactServiceServer } from '../../proto/gen/ridgepoint/v1/artifacts.js';
import type { CallContext, Handlers } from '../../proto/server.js';
import { Claims } from '../artifacts/claims.js';
import type { Shelf } from '../artifacts/shelf.js';
import type { Audit } from '../audit.js';
import type { Clock } from '../clock.js';
import type { Dispatcher } from '../dispatcher.js';
import type { Registry } from '../registry/registry.js';
import { serves } from '../scheduler/placement.js';
import type { LeaseState } from '../scheduler/state.js';
import { piecesOf } from './bodies.js';

export interface ArtifactsApi {
  /** null = nodes make their own. */
  readonly shelf: Shelf | null;
  readonly dispatcher: Dispatcher;
  readonly registry: Registry;
  readonly clock: Clock;
  readonly audit: Audit;
}

/** What a call is about, once it is known that its caller may make it. */
interface Place {
  readonly shelf: Shelf;
  readonly lease: LeaseState;
  /** The artifact in its namespace. */
  readonly key: string;
}

/** Artifacts from node to node. */
export function artifactService(api: ArtifactsApi, handlers: Handlers): ArtifactServiceServer {
  const claims = new Claims();
  const claimed = (place: Place): Place => {
    if (claims.isHeldBy(place.key, place.lease.node)) return place;
    throw new WireError('refused', `${place.lease.node} has not claimed this artifact.`);
  };
  return {
    claimArtifact: handlers.unary(async ({ intent, ...request }, context) => {
      const { shelf, lease, key } = placeOf(api, request, context);
      if (intent === ArtifactIntent.ARTIFACT_INTENT_DAMAGED) await shelf.check(key);
      const artifact = shelf.find(key);
      if (artifact !== null) return { artifact, maker: '', wanted: false };
      if (intent === ArtifactIntent.ARTIFACT_INTENT_KEPT_BACK) claims.keepBack(key);
      const maker = claims.claim(key, lease.node, api.clock.now());
      const wanted = maker === null && !claims.isKeptBack(key) && isWanted(api, lease);
      return { artifact: undefined, maker: maker ?? '', wanted };
    }),
    putArtifact: handlers.unary(async (request, context) => {
      const { shelf, key } = claimed(placeOf(api, request, context));
      return await shelf.take(key, context.caller, request);
    }),
    offerArtifact: handlers.unary(async ({ artifact, ...request }, context) => {
      const { shelf, lease, key } = claimed(placeOf(api, request, context));
      if (artifact === undefined) throw invalid('An artifact is offered without its files.');
      await shelf.offer(key, { ...artifact, madeOn: lease.node });
      claims.release(key);
      const by = { name: context.caller, from: context.peer };
      api.audit.did('offer-artifact', by, { node: lease.node, trialId: lease.trialId, name: request.name });
      return {};
    }),
    getArtifact: handlers.stream(async function* ({ digest, offset, ...request }, context) {
      const { shelf, key } = placeOf(api, request, context);
      const file = shelf.open(key, digest, offset);
      if (file === null)
        throw new WireError('not-found', 'The artifact has no such file, or is gone by now.');
      yield* piecesOf(file, 0);
    }),
  };
}

/**
 * @throws WireError `not-found` where none are kept; `refused` unless the caller's node has the lease of the
 *   trial that it names.
 */
function placeOf(
  { shelf, dispatcher, registry }: ArtifactsApi,
  { trialId, name }: { readonly trialId: string; readonly name: string },
  { caller }: Pick<CallContext, 'caller'>,
): Place {
  if (shelf === null)
    throw new WireError(
      'not-found',
      'This coordinator keeps no artifacts: its configuration has no `artifacts`.',
    );
  if (!/^[0-9a-f]{24}$/.test(name)) throw invalid('An artifact is asked for by something that is no name.');
  dispatcher.checkLeads();
  const lease = dispatcher.state.leases.get(trialId);
  const sweep = dispatcher.state.sweeps.get(lease?.sweepId ?? '');
  if (lease === undefined || sweep === undefined || registry.session(lease.node)?.caller !== caller)
    throw new WireError(
      'refused',
      'Artifacts are for nodes that hold the lease of the trial that they name.',
    );
  return { shelf, lease, key: `${sweep.view.namespace} ${name}` };
}

/** Whether another node that is there may be given points of the same sweep. */
function isWanted({ dispatcher }: ArtifactsApi, { sweepId, node }: LeaseState): boolean {
  const { nodes, sweeps } = dispatcher.state;
  const view = sweeps.get(sweepId)?.view;
  return [...nodes.values()].some(
    ({ profile, connected }) =>
      connected && profile.name !== node && view !== undefined && serves(profile, view),
  );
}
