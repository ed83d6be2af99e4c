import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { collectResults } from '../../cli/results/results.js';
import { SqliteLog } from '../../coordinator/log/sqlite.js';
import { type RunningCoordinator, startCoordinator } from '../../coordinator/main.js';
import type { ResultRecord } from '../../core/result/result.js';
import { type ControlConnection, connectControl } from '../../proto/client.js';
import { parseRecord, parseStoredRecord } from '../../proto/convert.js';
import { RecordDetail } from '../../proto/gen/ridgepoint/v1/control.js';
import { buildReport } from '../../report/build.js';
import { csvText } from '../../report/csv.js';
import type { LiveReport } from '../../report/live/live.js';
import { unpackPart } from '../../report/live/pack.js';
import { type FilledLog, fillLog, reportCost } from '../support/filled-log.js';
import { sharedFolder } from '../support/folder.js';
import { ridge } from '../support/ridge.js';
import { ridgeHere } from '../support/ridge-here.js';

const RESULTS = 2100;
const folder = sharedFolder();
let filled: FilledLog;
let coordinator: RunningCoordinator;
let control: ControlConnection;

async function start(path: string): Promise<RunningCoordinator> {
  return await startCoordinator({
    grpcAddress: '127.0.0.1:0',
    metricsAddress: null,
    webAddress: '127.0.0.1:0',
    log: { kind: 'sqlite', path },
    logLevel: 'silent',
    drainSeconds: 0,
  });
}

beforeAll(async () => {
  filled = await fillLog(join(folder, 'log.sqlite'), { results: RESULTS });
  coordinator = await start(filled.path);
  control = connectControl({ address: coordinator.grpcAddress, security: { kind: 'plaintext' } });
}, 60_000);

afterAll(async () => {
  control.close();
  await coordinator.stop('the tests are over');
});

async function stream(more: { detail?: RecordDetail; together?: boolean }): Promise<[string[], number]> {
  const json: string[] = [];
  let messages = 0;
  const request = { sweepId: filled.sweepId, follow: false, allTrials: true, ...more };
  for await (const { recordJson, moreJson } of control.streamResults(request)) {
    json.push(recordJson, ...moreJson);
    messages += 1;
  }
  return [json, messages];
}

test('results of a restarted coordinator come one to a message, or many, whole or as rows, and are the same', async () => {
  const [whole, alone] = await stream({});
  expect([whole.length, alone]).toEqual([RESULTS, RESULTS]);
  const [together, messages] = await stream({ together: true });
  expect(together).toEqual(whole);
  expect(messages).toBeLessThan(RESULTS / 5);
  const [rows] = await stream({ together: true, detail: RecordDetail.RECORD_DETAIL_ROW });
  const bare = (json: string): ResultRecord => {
    const { given: _, ...rest } = parseRecord(json);
    return { ...rest, phases: [], tokenSeconds: [], samples: [] };
  };
  expect(rows.map(parseStoredRecord)).toEqual(whole.map(bare));
  expect(rows.join('').length).toBeLessThan(whole.join('').length / 2);
});

test('the page of a large sweep is given summaries, which show what the records show', async () => {
  const { text, bytes } = await reportCost(coordinator.webUrl ?? '', filled.sweepId);
  const live = JSON.parse(text) as LiveReport;
  expect(live.details.tokenSeconds).toBe(0);
  expect(live.parts.every((part) => 'kind' in part)).toBe(true);
  expect(bytes / RESULTS).toBeLessThan(1000);
  const report = buildReport(live.parts.flatMap(unpackPart), live);
  const [whole] = await stream({ together: true });
  const wanted = buildReport(whole.map(parseStoredRecord), live);
  expect(report.rows.map(({ label, state, onFront }) => [label, state, onFront])).toEqual(
    wanted.rows.map(({ label, state, onFront }) => [label, state, onFront]),
  );
});

test('the CSV of a large sweep, printed from its rows as they come, is that of the report of its records', async () => {
  const [whole] = await stream({ together: true });
  const objectives = [
    { metric: 'decodeTokensPerSecond', better: 'max' },
    { metric: 'peakResidentBytes', better: 'min' },
  ] as const;
  const wanted = csvText(buildReport(whole.map(parseStoredRecord), { sweepName: 'filled', objectives }));
  const printed = await ridge(['results', '-c', coordinator.grpcAddress, '--format', 'csv']);
  expect([printed.code, printed.stderr]).toEqual([0, '']);
  expect(printed.stdout === wanted).toBe(true);
  expect(wanted.split('\r\n')).toHaveLength(RESULTS + 2);
});

test('JSON lines of a large sweep are printed as they are stored, and a document that cannot hold it says so', async () => {
  const [whole] = await stream({ together: true });
  const printed = await ridge(['results', '-c', coordinator.grpcAddress, '--format', 'jsonl']);
  expect([printed.code, printed.stderr]).toEqual([0, '']);
  expect(printed.stdout === `${whole.join('\n')}\n`).toBe(true);
  const collected = collectResults(control, filled.sweepId, undefined, 1_000_000);
  await expect(collected).rejects.toThrow(
    /more results than one document of this format can hold: \d\d are too many/,
  );
});

test('JSON lines hold the trial that counts for each experiment, whatever else is in the log', async () => {
  const few = await fillLog(join(folder, 'few.sqlite'), { results: 12 });
  const log = new SqliteLog(few.path);
  const end = await log.end();
  const entry = (await log.get(end, 'full')).fact;
  if (entry.fact !== 'ResultRecorded') throw new Error('the last entry is no result');
  const { record } = entry;
  const again = { ...record, trialId: `${record.trialId}b`, sweep: { ...record.sweep, attempt: 2 } };
  const control = {
    ...record,
    trialId: `${record.trialId}c`,
    sweep: { ...record.sweep, purpose: 'control' as const },
  };
  const more = [again, control].map((one) => ({ fact: 'ResultRecorded' as const, record: one }));
  await log.append(more, end);
  await log.close();
  const other = await start(few.path);
  try {
    const words = ['results', '-c', other.grpcAddress, '--format', 'jsonl'];
    const idsOf = ({ stdout }: { stdout: string }): string[] =>
      stdout
        .trimEnd()
        .split('\n')
        .map((line) => (JSON.parse(line) as ResultRecord).trialId);
    const all = idsOf(await ridgeHere([...words, '--all-trials']));
    expect(all.slice(-3)).toEqual([record.trialId, again.trialId, control.trialId]);
    expect(idsOf(await ridgeHere(words))).toEqual(all.slice(0, -2));
  } finally {
    await other.stop('the test is over');
  }
});
