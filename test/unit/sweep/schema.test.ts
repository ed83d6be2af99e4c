import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Ajv2020 } from 'ajv/dist/2020.js';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseSweep } from '../../../core/sweep/parse.js';
import { sweepJsonSchema } from '../../../core/sweep/schema.js';
import { checkStructure } from '../../../core/sweep/structure.js';
import { cases } from '../../support/cases.js';
import { forAll } from '../../support/for-all.js';
import { file, structures } from './documents.js';

const folder = join(import.meta.dirname, '../../../schemas');
const published = JSON.parse(readFileSync(join(folder, 'sweep.schema.json'), 'utf8')) as object;
const validate = new Ajv2020({ strict: true, strictTypes: false, allErrors: false }).compile(published);

/** Where the published schema and the parser must agree: what a schema can say about structure. */
function expectAgreement(document: unknown): void {
  const source = JSON.stringify(document);
  const structure = checkStructure(document).findings.map(
    (finding) => `${finding.path.join('.')}: ${finding.message}`,
  );
  const schemaSaysOk = validate(document);
  if (structure.length > 0) expect(schemaSaysOk, `the schema lets pass: ${structure.join('; ')}`).toBe(false);
  if (!schemaSaysOk)
    expect(parseSweep(source).ok, `the parser lets pass: ${JSON.stringify(validate.errors)}`).toBe(false);
}

const WORDS =
  'models kind threads flashAttention promptTokens zip parallel device x __proto__ model name'.split(' ');
const VALUES = [
  null,
  true,
  false,
  0,
  1,
  -1,
  2.5,
  1e9,
  '',
  'auto',
  'cpu',
  'cuda:h100',
  'f16',
  'q4_k_m',
  'max',
  '1-8',
  '1-8+',
  '8*2',
  'fake',
  'latency',
  [],
  {},
  [1],
  ['f16'],
  [[]],
  { kind: 'fake' },
  [{ kind: 'latency' }],
  { source: 'x' },
  ['threads', 'parallel'],
  'a'.repeat(5000),
];

/** Changes one place of a document: drops it, renames it, or puts something else there. */
function mutate(document: unknown, at: number, how: number, word: string, value: unknown): unknown {
  const places: [Record<string | number, unknown>, string | number][] = [];
  const visit = (node: unknown) => {
    if (typeof node !== 'object' || node === null) return;
    for (const key of Object.keys(node)) {
      places.push([node as Record<string, unknown>, Array.isArray(node) ? Number(key) : key]);
      visit((node as Record<string, unknown>)[key]);
    }
  };
  visit(document);
  const [parent, key] = places[at % places.length]!;
  if (how === 0) parent[key] = value;
  else if (Array.isArray(parent)) parent.push(value);
  else if (how === 1) delete parent[key];
  else {
    if (how === 2) delete parent[key];
    Object.defineProperty(parent, word, { value, enumerable: true, configurable: true, writable: true });
  }
  return document;
}

describe('the published schema', () => {
  test('is what the source gives, with help and words for editors', () => {
    expect(published).toEqual(JSON.parse(JSON.stringify(sweepJsonSchema())));
    const text = JSON.stringify(published);
    for (const word of [
      'q4_k_m',
      'llama-bench: -fa',
      'decodeTokensPerSecond',
      'cuda:h100',
      'minProperties',
    ]) {
      expect(text).toContain(word);
    }
  });

  test('agrees with the parser on good files', () => {
    forAll(50, [structures], (document) => {
      expect(validate(document), JSON.stringify(validate.errors)).toBe(true);
    });
  });

  test('agrees with the parser on mutated files', () => {
    fc.assert(
      fc.property(
        structures,
        fc.array(fc.tuple(fc.nat(), fc.nat(3), fc.constantFrom(...WORDS), fc.constantFrom(...VALUES)), {
          minLength: 1,
          maxLength: 3,
        }),
        (document, changes) => {
          // A value that is drawn is drawn again while a counterexample is made smaller.
          let mutated: unknown = structuredClone(document);
          for (const [at, how, word, value] of changes)
            mutated = mutate(mutated, at, how, word, structuredClone(value));
          expectAgreement(mutated);
        },
      ),
      { numRuns: cases(300) },
    );
  }, 60_000);

  test.each([
    [{ runners: [{ kind: 'llama-cpp', flashAtention: true }] }],
    [{ runners: [{ kind: 'fake', threads: 2 }] }],
    [{ runners: [] }],
    [{ models: [{ name: 'x' }] }],
    [{ techniques: { quantization: { outputType: 'q8_0' } } }],
    [{ quality: { text: '' } }],
    [{ workloads: { kind: 'latency', promptTokens: '8-' } }],
    [{ workloads: { kind: 'latency', parallel: 257 } }],
    [{ measure: { halfWidth: 0 } }],
    [{ placement: { device: 'gpu' } }],
    [{ objectives: { tokens: 'max' } }],
    [{ objectives: {} }],
    [{ exclude: [{}] }],
    [{ zip: [['threads']] }],
    [{ sorted: {} }],
  ])('refuses what the parser refuses: %j', (spec) => {
    const document = JSON.parse(file(spec)) as unknown;
    expect(validate(document)).toBe(false);
    expect(parseSweep(JSON.stringify(document)).ok).toBe(false);
  });
});
