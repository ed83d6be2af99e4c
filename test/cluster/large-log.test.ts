import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type RunningCoordinator, startCoordinator } from '../../coordinator/main.js';
import type { LiveReport } from '../../core/live/live.js';
import { unpackPart } from '../../core/live/pack.js';
import { buildReport } from '../../core/report/report.js';
import type { ResultRecord } from '../../core/result.js';
import { type ControlConnection, connectControl } from '../../proto/client.js';
import { parseRecord, parseStoredRecord } from '../../proto/convert.js';
import { RecordDetail } from '../../proto/gen/ridgepoint/v1/control.js';
import { type FilledLog, fillLog, reportCost } from '../support/filled-log.js';

const RESULTS = 2100;
const folder = mkdtempSync(join(tmpdir(), 'ridgepoint-large-'));
let filled: FilledLog;
let coordinator: RunningCoordinator;
let control: ControlConnection;

beforeAll(async () => {
  filled = await fillLog(join(folder, 'log.sqlite'), { results: RESULTS });
  coordinator = await startCoordinator({
    grpcAddress: '127.0.0.1:0',
    metricsAddress: null,
    webAddress: '127.0.0.1:0',
    log: { kind: 'sqlite', path: filled.path },
    logLevel: 'silent',
    drainSeconds: 0,
  });
  control = connectControl({ address: coordinator.grpcAddress, security: { kind: 'plaintext' } });
}, 60_000);

afterAll(async () => {
  control.close();
  await coordinator.stop('the tests are over');
  rmSync(folder, { recursive: true, force: true });
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

test('a record of an older release, that lacks a field of today, is completed when it is read', async () => {
  const [[json = '']] = await stream({});
  const { quality: _, ...older } = JSON.parse(json) as ResultRecord;
  expect(parseStoredRecord(JSON.stringify(older)).quality).toBeNull();
  expect(() => parseStoredRecord('{"schema":"ridgepoint.dev/result/v9"}')).toThrow(
    /result record is not valid/,
  );
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
