import { describe, expect, test } from 'vitest';
import { answerReview } from '../../../operator/webhook/review.js';
import { anObject, SWEEP } from './world.js';

type Changes = Readonly<Record<string, unknown>>;

/** @returns what the API server sends before it writes an object. */
function aReview(object: unknown, changes: Changes = {}) {
  return {
    apiVersion: 'admission.k8s.io/v1',
    kind: 'AdmissionReview',
    request: {
      uid: 'r1',
      kind: { group: 'ridgepoint.dev', version: 'v1alpha1', kind: 'Sweep' },
      resource: { group: 'ridgepoint.dev', version: 'v1alpha1', resource: 'sweeps' },
      name: 'one',
      namespace: 'lab',
      operation: 'CREATE',
      userInfo: { username: 'somebody' },
      object,
      oldObject: null,
      dryRun: false,
      ...changes,
    },
  };
}

const sweepWith = (spec: object) => ({ sweep: { ...SWEEP, spec: { ...SWEEP.spec, ...spec } } });
const RUNERS = { sweep: { spec: { models: 'builtin:tiny', runers: { kind: 'fake' } } } };
const messageOf = (review: unknown) => answerReview(review).response.status?.message ?? null;

describe('a review of a Sweep', () => {
  test('that is right allows it, under the id of the question', () => {
    expect(answerReview(aReview(anObject()))).toEqual({
      apiVersion: 'admission.k8s.io/v1',
      kind: 'AdmissionReview',
      response: { uid: 'r1', allowed: true },
    });
  });

  test.each([
    ['a key that is misspelt', RUNERS, /^spec\.sweep\.spec\.runers: .*did you mean runners\?/m],
    [
      'a kind that there is not',
      sweepWith({ runners: { kind: 'fakee' } }),
      /^spec\.sweep\.spec\.runners\.kind: kind must be .*, not "fakee"; did you mean fake\?/m,
    ],
    [
      'a word for a number',
      sweepWith({ workloads: { kind: 'latency', promptTokens: 'many' } }),
      /^spec\.sweep\.spec\.workloads\.promptTokens: .*, not "many"/m,
    ],
    ['fields of the object itself', { agents: { replicas: -1 } }, /^spec\.agents\.replicas: /m],
  ])('refuses %s, in the words of the parser', (_what, spec, sentence) => {
    const { response } = answerReview(aReview(anObject(spec)));
    expect(response).toMatchObject({ uid: 'r1', allowed: false, status: { code: 422, reason: 'Invalid' } });
    expect(response.status?.message).toMatch(sentence);
  });

  test('says every fault, each in a line', () => {
    const two = sweepWith({
      runners: { kind: 'fakee' },
      workloads: { kind: 'latency', promptTokens: 'many' },
    });
    expect(messageOf(aReview(anObject(two)))?.split('\n')).toHaveLength(2);
  });

  test('names the sweep after the object, as the operator does', () => {
    const nameless = { sweep: { spec: SWEEP.spec } };
    expect(messageOf(aReview(anObject(nameless)))).toBeNull();
    expect(messageOf(aReview({ metadata: { generateName: 'one-' }, spec: nameless }))).toBeNull();
  });

  test('lets a wrong one be deleted, lose its finalizer and get labels, but not change', () => {
    const wrong = anObject(RUNERS);
    const goes = anObject(RUNERS, { deletionTimestamp: '2026-12-07T00:00:00Z', generation: 2 });
    const changed = anObject({ ...RUNERS, cancel: true }, { generation: 2 });
    expect(messageOf(aReview(null, { operation: 'DELETE', oldObject: wrong }))).toBeNull();
    expect(messageOf(aReview(goes, { operation: 'UPDATE', oldObject: wrong }))).toBeNull();
    expect(messageOf(aReview(wrong, { operation: 'UPDATE', oldObject: wrong }))).toBeNull();
    expect(messageOf(aReview(changed, { operation: 'UPDATE', oldObject: wrong }))).toMatch(/runers/);
    expect(messageOf(aReview(wrong, { operation: 'UPDATE' }))).toMatch(/runers/);
  });

  test.each([
    ['nothing', null, /^This is no AdmissionReview of admission\.k8s\.io\/v1: as a whole: /],
    ['another version', { ...aReview(anObject()), apiVersion: 'admission.k8s.io/v1beta1' }, /: apiVersion: /],
    ['no request', { apiVersion: 'admission.k8s.io/v1', kind: 'AdmissionReview' }, /: request: /],
    ['no object', aReview(null), /^The review of a CREATE has no object\.$/],
    ['an object without metadata', aReview({ spec: {} }), /: request\.object\.metadata: /],
    [
      'another kind',
      aReview(anObject(), { kind: { group: '', version: 'v1', kind: 'Pod' } }),
      /^This webhook reviews Sweep of ridgepoint\.dev alone/,
    ],
  ])('that is none is refused with a sentence: %s', (_what, review, sentence) => {
    expect(() => answerReview(review)).toThrow(sentence);
  });
});
