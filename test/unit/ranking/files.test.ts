import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { readTasks } from '../../../agent/quality/questions/task-files.js';
import { readRankingData } from '../../../agent/quality/ranking/data.js';
import { parseRanking } from '../../../core/ranking/definition.js';
import { temporaryFolder } from '../../support/folder.js';
import { sound } from '../../support/reading.js';

const examples = join(import.meta.dirname, '../../../docs/examples/ranking');

const lines = (...records: object[]) => records.map((record) => `${JSON.stringify(record)}\n`).join('');
const yaml = (spec: object) =>
  `apiVersion: ridgepoint.dev/v1\nkind: Ranking\nmetadata: { name: r }\nspec: ${JSON.stringify(spec)}\n`;
const BEIR = {
  data: { layout: 'beir', folder: '.' },
  candidates: { from: 'bm25' },
  ways: { found: { by: 'candidates' } },
};

const GOOD = {
  'corpus.jsonl': lines({ _id: 'a', title: 'T', text: 'one' }, { _id: 'b', text: 'two' }),
  'queries.jsonl': lines({ _id: 'q', text: 'one' }, { _id: 'a', text: 'not judged' }),
  'qrels/test.tsv': 'query-id\tcorpus-id\tscore\nq\ta\t1\n',
};

/** A folder with these files in place of good ones, and what reading its ranking says. */
function read(files: Readonly<Record<string, string>>, spec: object = BEIR) {
  const folder = temporaryFolder();
  mkdirSync(join(folder, 'qrels'));
  for (const [name, text] of Object.entries({ ...GOOD, ...files })) writeFileSync(join(folder, name), text);
  writeFileSync(join(folder, 'r.yaml'), yaml(spec));
  return readTasks([join(folder, 'r.yaml')]);
}

/** What is wrong, without the folder. */
function errors(files: Readonly<Record<string, string>>, spec: object = BEIR): string {
  const found = read(files, spec);
  return found.ok ? '' : found.errors.map((error) => error.replaceAll(/\/\S*\//g, '')).join('\n');
}

describe('a ranking file', () => {
  test('is a task for each of its ways; queries without judgements are not asked', () => {
    const found = sound(
      read({}, { ...BEIR, ways: { bm25: { by: 'candidates' }, 'yes-no': { by: 'pointwise' } } }),
    );
    expect(found.rankings.map(({ name }) => name)).toEqual(['r/bm25', 'r/yes-no']);
    expect(found.files).toHaveLength(4);
    const data = readRankingData(found.rankings[0]!);
    if (!('documents' in data)) throw new Error(data.join());
    expect(data.queries.map(({ id, excluded }) => [id, [...excluded]])).toEqual([['q', ['q']]]);
    expect(data.documents.get('a')).toEqual({ id: 'a', title: 'T', text: 'one' });
  });

  test('that is wrong is told by place, all at once', () => {
    expect(errors({ 'corpus.jsonl': lines({ _id: 'a', text: '' }, { _id: 'a', text: '' }) })).toMatch(
      /corpus\.jsonl:2 the document a is there twice/,
    );
    expect(errors({ 'corpus.jsonl': '' })).toMatch(/there is no document/);
    expect(errors({ 'corpus.jsonl': '{"_id": 1}\nno json\n' })).toMatch(
      /:1 the field text is missing\n.*:2 the line is not JSON/,
    );
    expect(errors({ 'qrels/test.tsv': 'q\tz\t1\n' })).toMatch(
      /1 judgements are of documents that the corpus does not have, the first of z for the query q; unknownDocuments/,
    );
    expect(errors({ 'qrels/test.tsv': 'q\ta\t1\nq\ta\t2\n' })).toMatch(
      /the query q has the document a twice/,
    );
    expect(errors({ 'qrels/test.tsv': 'x\ta\t1\n' })).toMatch(/judgement is of the query x/);
    expect(errors({ 'qrels/test.tsv': 'q a 1\n' })).toMatch(/a judgement has 3 fields/);
    expect(errors({ 'qrels/test.tsv': 'query-id\tcorpus-id\tscore\n' })).toMatch(/no query has a judgement/);
    expect(errors({}, { ...BEIR, candidates: { from: 'run', file: 'none.trec' } })).toMatch(
      /none\.trec: there is no such file/,
    );
    expect(
      errors({ 'r.trec': 'q Q0 a 1 x n\n' }, { ...BEIR, candidates: { from: 'run', file: 'r.trec' } }),
    ).toMatch(/r\.trec:1 the score x is no number/);
  });

  test('may leave judgements of unknown documents out', () => {
    const found = sound(
      read({ 'qrels/test.tsv': 'q\ta\t1\nq\tz\t1\n' }, { ...BEIR, unknownDocuments: 'leaveOut' }),
    );
    expect(readRankingData(found.rankings[0]!)).toMatchObject({ leftOut: 1 });
  });

  test('has lists of as many passages as there are letters, and windows that meet', () => {
    const said = (way: object) => {
      const read = parseRanking(yaml({ ...BEIR, ways: { x: way } }));
      return read.ok ? '' : read.diagnostics.map(({ message }) => message).join();
    };
    expect(said({ by: 'first-token', window: 27 })).toMatch(/at most 26 passages, one for each letter/);
    expect(said({ by: 'generate', window: 4, step: 5 })).toMatch(/never be compared/);
    expect(said({ by: 'pointwise', prompt: '{query}' })).toMatch(/prompt has to hold \{document\}/);
    expect(said({ by: 'cross-encoder', windw: 3 })).toMatch(/there is no field windw/);
  });
});

test('BRIGHT says by query what is relevant, and what no list may have', () => {
  const folder = temporaryFolder();
  writeFileSync(join(folder, 'd.jsonl'), lines({ id: 'a', content: 'x' }, { id: 'b', content: 'y' }));
  writeFileSync(
    join(folder, 'e.jsonl'),
    lines(
      { id: '0', query: 'x', excluded_ids: ['b'], gold_ids: ['a'] },
      { id: '1', query: 'y', excluded_ids: ['N/A'], gold_ids: ['b'] },
    ),
  );
  writeFileSync(
    join(folder, 'r.yaml'),
    yaml({ ...BEIR, data: { layout: 'bright', documents: 'd.jsonl', examples: 'e.jsonl' } }),
  );
  const found = sound(readTasks([join(folder, 'r.yaml')]));
  const data = readRankingData(found.rankings[0]!);
  if (!('documents' in data)) throw new Error(data.join());
  expect(data.queries.map(({ excluded }) => [...excluded])).toEqual([['b'], []]);
  expect([...data.judgements.judgementsOf('1')]).toEqual([['b', 1]]);
});

test('examples can be read; those of published data say which files they want', () => {
  for (const name of readdirSync(examples).filter((one) => one.endsWith('.yaml'))) {
    const found = readTasks([join(examples, name)]);
    const own = { 'first.yaml': [{}, {}, {}], 'ways.yaml': [{}, {}, {}, {}] }[name];
    if (own !== undefined) expect(found).toMatchObject({ ok: true, rankings: own });
    else expect(found.ok ? '' : found.errors.join('\n'), name).toMatch(/^(.*there is no such file\n?)+$/);
  }
});

test('the schema for editors takes every example, and refuses what parsing does', () => {
  const path = join(import.meta.dirname, '../../../schemas/ranking.schema.json');
  const schema = JSON.parse(readFileSync(path, 'utf8')) as object;
  const validate = new Ajv2020({ strict: true, strictTypes: false, allowUnionTypes: true }).compile(schema);
  for (const name of readdirSync(examples).filter((file) => file.endsWith('.yaml'))) {
    const text = readFileSync(join(examples, name), 'utf8');
    expect(text.split('\n')[0]).toBe('# yaml-language-server: $schema=../../../schemas/ranking.schema.json');
    expect(validate(parse(text)), JSON.stringify(validate.errors)).toBe(true);
  }
  for (const wrong of [
    { ...BEIR, candidates: { from: 'bm26' } },
    { ...BEIR, ways: { found: { by: 'candidates', depth: 3 } } },
  ]) {
    expect(validate(parse(yaml(wrong)))).toBe(false);
    expect(parseRanking(yaml(wrong)).ok).toBe(false);
  }
});
