import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { sweepDocument } from '../../../core/sweep/document.js';
import { experimentAt } from '../../../core/sweep/expand.js';
import { canonicalJson, experimentId, pointsId, sweepId } from '../../../core/sweep/identity.js';
import { planSpace } from '../../../core/sweep/space.js';
import { forAll } from '../../support/for-all.js';
import { documents, FACTS, file, sweepOf, sweeps } from './documents.js';

/** The same value with the keys of every map in another order. */
function shuffled(value: unknown, order: readonly number[]): unknown {
  if (Array.isArray(value)) return value.map((item) => shuffled(item, order));
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).map(([key, item]) => [key, shuffled(item, order)] as const);
  const rank = (i: number) => order[i % order.length] ?? 0;
  return Object.fromEntries(
    entries
      .map((entry, i) => [rank(i), entry] as const)
      .sort(([a], [b]) => a - b)
      .map(([, entry]) => entry),
  );
}

const sha = `sha256:${'0'.repeat(64)}`;
const point = (spec: Record<string, unknown> = {}) => planSpace(sweepOf(file(spec))).contentAt(0);

describe('how often an experiment is measured', () => {
  test('is part of the sweep and not of the experiment', () => {
    const of = (measure: Record<string, unknown>) => sweepOf(file({ measure }));
    expect(experimentId(point({ measure: { starts: 5 } }))).toBe(experimentId(point()));
    const ids = [
      { starts: 1 },
      { starts: 3 },
      { starts: 3, maxStarts: 4 },
      { starts: 1, retryInvalid: 0 },
    ].map((measure) => sweepId(of(measure)));
    expect(new Set(ids).size).toBe(4);
  });

  test('gates are no part of the experiment: what was measured under one answers under the other', () => {
    const of = (measure: Record<string, unknown>) => sweepOf(file({ measure }));
    const strict = point({ measure: { gates: 'strict' } });
    expect(strict.measure.gates).toBe('strict');
    expect(experimentId(strict)).toBe(experimentId(point()));
    expect(sweepId(of({ gates: 'warn' }))).toBe(sweepId(of({})));
    expect(sweepId(of({ gates: 'strict' }))).not.toBe(sweepId(of({})));
  });

  test('nor of its points, which are the same however they are named, ordered and measured', () => {
    const id = pointsId(sweepOf(file({})));
    const other = file({
      measure: { maxRepeats: 2, starts: 3 },
      placement: { seed: 3 },
      objectives: { modelBytes: 'min' },
    });
    expect(pointsId(sweepOf(other))).toBe(id);
    expect(pointsId(sweepOf(file({ techniques: { quantization: 'q8_0' } })))).not.toBe(id);
  });
});

describe('canonical JSON', () => {
  test('is one text for one value', () => {
    expect(canonicalJson({ b: [1.0, -0, 1e21, 'é"\n'], a: { d: null, c: true, x: undefined } })).toBe(
      '{"a":{"c":true,"d":null},"b":[1,0,1e+21,"é\\"\\n"]}',
    );
    expect(() => canonicalJson({ a: Number.NaN })).toThrow(TypeError);
    expect(() => canonicalJson([undefined])).toThrow(TypeError);
  });

  test('does not depend on the order of keys and reads back', () => {
    forAll(100, [fc.jsonValue(), fc.array(fc.nat(), { minLength: 1 })], (value, order) => {
      const text = canonicalJson(value);
      expect(canonicalJson(shuffled(value, order))).toBe(text);
      expect(JSON.parse(text)).toEqual(JSON.parse(JSON.stringify(value)));
    });
  });
});

describe('the id of an experiment', () => {
  test('is pinned: a change of it is a change of format', () => {
    expect(experimentId(point())).toBe('x0db007e2250a7ff0de8b4405');
    expect(experimentId(point({ runners: { kind: 'onnx' } }))).toBe('x34643738dcbc1de451bc2ee7');
    expect(experimentId(point({ runners: { kind: 'fake' } }))).toBe('xcdd5f73b070cc56e4dfecb29');
  });

  test('covers what was asked, and nothing else', () => {
    const base = point();
    const id = experimentId(base);
    const same = [
      { ...base, model: { ...base.model, name: 'other' } },
      { ...base, model: { ...base.model, facts: FACTS } },
      point({
        runners: { kind: 'llama-cpp', flashAttention: 'auto', batch: 2048 },
        workloads: { kind: 'latency' },
      }),
      point({
        runners: { kind: 'llama-cpp', gpus: 1, splitMode: 'layer', tensorSplit: null, rpcServers: null },
      }),
    ];
    for (const content of same) expect(experimentId(content)).toBe(id);
    const digested = { ...base, model: { ...base.model, digest: sha } };
    const others = [
      digested,
      { ...base, model: { ...base.model, source: 'b.gguf' } },
      { ...base, node: 'n1' },
      { ...base, device: 'cuda' },
      { ...base, technique: { ...base.technique, quantization: 'q8_0' } },
      point({ runners: { kind: 'llama-cpp', batch: 1024 } }),
      point({ runners: { kind: 'llama-cpp', engine: 'llama.cpp v0.4.0' } }),
      point({ runners: { kind: 'llama-cpp', rpcServers: 'desk' } }),
      point({ runners: { kind: 'fake' } }),
      point({ workloads: { kind: 'latency', parallel: 2 } }),
      point({ measure: { maxRepeats: 11 } }),
    ].map(experimentId);
    expect(new Set([id, ...others]).size).toBe(others.length + 1);
    expect(experimentId({ ...digested, model: { ...digested.model, source: 'moved/a.gguf' } })).toBe(
      experimentId(digested),
    );
  });

  test('is different for every point of a sweep', () => {
    forAll(30, [sweeps], (sweep) => {
      const space = planSpace(sweep);
      fc.pre(space.count <= 500);
      const ids = Array.from({ length: space.count }, (_, i) => experimentAt(space, i).id);
      expect(new Set(ids).size).toBe(space.count);
      for (const id of ids) expect(id).toMatch(/^x[0-9a-f]{24}$/);
    });
  });

  test('what is asked of the device counts', () => {
    const at = (device: object) =>
      experimentAt(planSpace(sweepOf(file({ runners: [{ kind: 'fake' }], device }))), 0);
    const [plain, none] = [at({}), at({ powerCapWatts: null, lockedClockHertz: null })];
    expect(none).toEqual(plain);
    expect(plain.settings).toBeNull();
    const capped = at({ powerCapWatts: 300 });
    expect(capped.settings).toEqual({ powerCapWatts: 300, lockedClockHertz: null });
    const ids = [plain, capped, at({ powerCapWatts: 200 }), at({ lockedClockHertz: 300e6 })].map(
      ({ id }) => id,
    );
    expect(new Set(ids).size).toBe(4);
  });

  test('a node makes an experiment of its own', () => {
    const space = planSpace(sweepOf(file({ placement: { perNode: true } })));
    const [anywhere, a, b] = [null, 'a', 'b'].map((node) => experimentAt(space, 0, node));
    expect(new Set([anywhere?.id, a?.id, b?.id]).size).toBe(3);
    expect(a?.node).toBe('a');
  });
});

describe('the id of a sweep', () => {
  test('does not depend on comments, key order, or defaults written out', () => {
    forAll(50, [documents, fc.array(fc.nat(), { minLength: 1 })], (document, order) => {
      const sweep = sweepOf(JSON.stringify(document));
      const id = sweepId(sweep);
      expect(id).toMatch(/^s[0-9a-f]{16}$/);
      expect(sweepId(sweepOf(`# a comment\n${JSON.stringify(shuffled(document, order))}`))).toBe(id);
      const writtenOut = sweepOf(JSON.stringify(sweepDocument(sweep)));
      expect(writtenOut).toEqual(sweep);
      expect(sweepId(writtenOut)).toBe(id);
    });
  });

  test('is the same when the defaults of a sweep that can measure nothing are written out', () => {
    const sweep = sweepOf(file({ workloads: { kind: 'latency', promptTokens: 0, generateTokens: 0 } }));
    expect(sweep.objectives).toEqual([]);
    expect(sweepId(sweepOf(JSON.stringify(sweepDocument(sweep))))).toBe(sweepId(sweep));
  });

  test('changes with any axis, with a digest, not with facts', () => {
    const sweep = sweepOf(file({}));
    const id = sweepId(sweep);
    const [model] = sweep.models;
    expect(sweepId({ ...sweep, models: [{ ...model!, facts: FACTS }] })).toBe(id);
    expect(sweepId({ ...sweep, models: [{ ...model!, digest: sha }] })).not.toBe(id);
    expect(sweepId(sweepOf(file({ workloads: { kind: 'latency', promptTokens: [512, 1] } })))).not.toBe(id);
    expect(sweepId(sweepOf(file({ placement: { seed: 7 } })))).not.toBe(id);
    const anywhere = { perNode: true };
    const inTheLab = { nodeSelector: { zone: ['lab', 'office'] } };
    expect(sweepId(sweepOf(file({ placement: inTheLab })))).toBe(id);
    expect(sweepId(sweepOf(file({ placement: { ...anywhere, ...inTheLab } })))).not.toBe(
      sweepId(sweepOf(file({ placement: anywhere }))),
    );
    expect(sweepId(sweepOf(file({ device: { powerCapWatts: null } })))).toBe(id);
    expect(sweepId(sweepOf(file({ device: { powerCapWatts: 300 } })))).not.toBe(id);
  });
});
