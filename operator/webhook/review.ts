import { z } from 'zod';
import { invalid } from '../../proto/errors.js';
import { GROUP, SWEEPS } from '../sweep/definition.js';
import { readObject } from '../sweep/reading.js';

const API_VERSION = 'admission.k8s.io/v1';
const KIND = 'AdmissionReview';

/** The metadata that decides; whatever else there is, is no matter of a review. */
const metadata = z.looseObject({
  name: z.string().optional(),
  generation: z.number().optional(),
  deletionTimestamp: z.string().optional(),
});
const object = z.looseObject({ metadata, spec: z.unknown() }).nullish();

const reviewSchema = z.object({
  apiVersion: z.literal(API_VERSION),
  kind: z.literal(KIND),
  request: z.object({
    uid: z.string().min(1),
    kind: z.object({ group: z.string(), kind: z.string() }),
    operation: z.enum(['CREATE', 'UPDATE', 'DELETE', 'CONNECT']),
    namespace: z.string().optional(),
    name: z.string().optional(),
    object,
    oldObject: object,
  }),
});
type Request = z.output<typeof reviewSchema>['request'];

/** What the API server is told, as it wants to hear it. */
export interface ReviewAnswer {
  readonly apiVersion: typeof API_VERSION;
  readonly kind: typeof KIND;
  readonly response: {
    readonly uid: string;
    readonly allowed: boolean;
    readonly status?: {
      readonly code: 422;
      readonly reason: 'Invalid';
      readonly message: string;
    };
  };
}

/**
 * Answers the API server's question whether a Sweep may be written as it is: what the operator would say in
 * its condition Accepted is said before the object is there.
 * @param review an AdmissionReview of admission.k8s.io/v1.
 * @throws WireError `invalid` with one sentence for what is no review of a Sweep.
 */
export function answerReview(review: unknown): ReviewAnswer {
  const checked = reviewSchema.safeParse(review);
  if (!checked.success) {
    const [issue] = checked.error.issues;
    throw invalid(
      `This is no ${KIND} of ${API_VERSION}: ${issue?.path.join('.') || 'as a whole'}: ${issue?.message}.`,
    );
  }
  const { request } = checked.data;
  const { group, kind } = request.kind;
  if (group !== GROUP || kind !== SWEEPS.kind)
    throw invalid(
      `This webhook reviews ${SWEEPS.kind} of ${GROUP} alone: take other kinds out of its rules.`,
    );
  const sentences = faultsOf(request);
  const refusal = {
    allowed: false,
    status: { code: 422, reason: 'Invalid', message: sentences.join('\n') },
  } as const;
  const verdict = sentences.length === 0 ? { allowed: true } : refusal;
  return { apiVersion: API_VERSION, kind: KIND, response: { uid: request.uid, ...verdict } };
}

/** @returns the reasons to refuse what is written; none = it may be written. */
function faultsOf({ operation, object, oldObject, namespace, name }: Request): readonly string[] {
  if (operation === 'DELETE' || operation === 'CONNECT') return [];
  if (object === null || object === undefined) throw invalid(`The review of a ${operation} has no object.`);
  const { generation, deletionTimestamp } = object.metadata;
  // What goes must be able to lose its finalizer.
  if (deletionTimestamp !== undefined) return [];
  // The API server counts a generation up with each change of the spec. An object that was written while
  // nobody reviewed it may still get labels, and the operator's finalizer.
  if (operation === 'UPDATE' && generation !== undefined && generation === oldObject?.metadata.generation)
    return [];
  const reading = readObject({
    apiVersion: SWEEPS.apiVersion,
    kind: SWEEPS.kind,
    metadata: {
      name: object.metadata.name ?? name ?? 'sweep',
      ...(namespace !== undefined && { namespace }),
    },
    spec: object.spec,
  });
  return reading.ok ? [] : reading.sentences;
}
