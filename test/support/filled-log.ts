import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { statSync } from 'node:fs';
import { request } from 'node:http';
import { SqliteLog } from '../../coordinator/log/sqlite.js';
import { readSweep } from '../../coordinator/sweeps.js';
import type { ResultRecord } from '../../core/result/result.js';
import { completeTrial, trialOf } from './records.js';
import { RIDGE, ROOT } from './ridge.js';
import { fakeSweep } from './sweeps.js';
import { sweepOf } from './synthetic-fleet.js';

/*
 * A log with many results without the hours of measuring them, and what it costs a coordinator: to start on
 * it, to show it, to hand it out.
 */

export interface Filling {
  readonly results: number;
  /** Size of a record's JSON, about; at least some 12 kB. */
  readonly recordBytes?: number;
}

export interface FilledLog {
  readonly path: string;
  readonly sweepId: string;
  readonly results: number;
  readonly bytes: number;
}

/** Facts of one append. */
const APPENDED = 500;

/** Writes a log of one finished sweep; every figure of every result is another one. */
export async function fillLog(path: string, { results, recordBytes = 16_800 }: Filling): Promise<FilledLog> {
  const document = `${sweepOf({ results, name: 'filled' })}  objectives: { decodeTokensPerSecond: max, peakResidentBytes: min }\n`;
  const sweep = readSweep(document, []);
  const { sweepId } = sweep;
  const log = new SqliteLog(path);
  const at = new Date().toISOString();
  const submitter = 'a filled log';
  let { position: end } = await log.append(
    [{ fact: 'SweepSubmitted', sweepId, document, models: [], submitter, at }],
    0,
  );
  const template = trialOf(recordBytes);
  const begun = Date.now() - results * 1000;
  for (let first = 0; first < results; first += APPENDED) {
    const facts = Array.from({ length: Math.min(APPENDED, results - first) }, (_, i) => {
      const position = first + i;
      const experiment = sweep.experimentAt(position, null);
      const started = begun + position * 1000;
      const record: ResultRecord = {
        ...template,
        trialId: `t.${sweepId}.${position}.m0.1.filled-${experiment.id.slice(1)}`,
        experimentId: experiment.id,
        sweep: { id: sweepId, name: sweep.name, position, block: 0, purpose: 'measure', attempt: 1 },
        experiment: experiment as ResultRecord['experiment'],
        startedAt: new Date(started).toISOString(),
        endedAt: new Date(started + 900).toISOString(),
        measurements: measurementsOf(template, 1 + ((position * 7919) % 10_007) / 10_007),
      };
      return { fact: 'ResultRecorded', record } as const;
    });
    ({ position: end } = await log.append(facts, end));
  }
  await log.close();
  return { path, sweepId, results, bytes: statSync(path).size };
}

export interface Cost {
  readonly seconds: number;
  /** As they went over the wire, or came out of the command. */
  readonly bytes: number;
}

/** What a browser waits for, and is sent, to show a sweep. */
export async function reportCost(webUrl: string, sweepId: string): Promise<Cost & { text: string }> {
  return await get(`${webUrl}/api/v1/sweeps/${sweepId}/report`);
}

async function get(url: string): Promise<Cost & { text: string }> {
  const begun = performance.now();
  return await new Promise((resolve, reject) => {
    request(url, (response) => {
      const pieces: Buffer[] = [];
      response
        .on('data', (piece: Buffer) => pieces.push(piece))
        .on('end', () => {
          if (response.statusCode !== 200) reject(new Error(`${url} answers ${response.statusCode}`));
          const all = Buffer.concat(pieces);
          resolve({
            seconds: (performance.now() - begun) / 1000,
            bytes: all.length,
            text: all.toString(),
          });
        })
        .on('error', reject);
    })
      .on('error', reject)
      .end();
  });
}

/** `ridge results` of a sweep, as a process of its own, in one of its formats. */
export async function resultsCost(
  grpcAddress: string,
  sweepId: string,
  format: 'csv' | 'jsonl' | 'json' = 'csv',
): Promise<Cost & { exitCode: number | null; lines: number }> {
  const begun = performance.now();
  const words = [RIDGE, 'results', sweepId, '--coordinator', grpcAddress, '--format', format];
  const child = spawn(process.execPath, words, { cwd: ROOT, stdio: ['ignore', 'pipe', 'inherit'] });
  let bytes = 0;
  let lines = 0;
  child.stdout.on('data', (piece: Buffer) => {
    bytes += piece.length;
    for (const byte of piece) if (byte === 10) lines += 1;
  });
  const [exitCode] = (await once(child, 'close')) as [number | null];
  return { seconds: (performance.now() - begun) / 1000, bytes, exitCode, lines };
}

/**
 * Writes a log of one sweep whose two points are measured again each day; from the 13th on they take 8 %
 * longer, by another engine.
 * @returns the records, oldest first.
 */
export async function fillDays(path: string, days: number): Promise<ResultRecord[]> {
  const document = fakeSweep(2, { name: 'nightly' });
  const sweep = readSweep(document, []);
  const { sweepId } = sweep;
  const records = Array.from({ length: 2 * days }, (_, i): ResultRecord => {
    const [day, position] = [Math.floor(i / 2), i % 2];
    const experiment = sweep.experimentAt(position, null);
    const record = completeTrial({ experiment: experiment as ResultRecord['experiment'], attempt: i + 1 });
    const at = new Date(Date.UTC(2026, 0, 1 + day, 3, 10 * position)).toISOString();
    // What one day adds to another: ± 1 %, in a pattern that repeats in neither half alone.
    const value = 100 * (1 + position) * (1 + 0.01 * Math.sin(day * 2.4)) * (day < 12 ? 1 : 0.92);
    const decodeTokensPerSecond = { ...record.measurements.decodeTokensPerSecond!, value } as never;
    return {
      ...record,
      trialId: `t.${sweepId}.${position}.c${day}.1.day-${i}`,
      experimentId: experiment.id,
      sweep: { id: sweepId, name: sweep.name, position, block: day, purpose: 'control', attempt: 1 },
      startedAt: at,
      endedAt: at,
      environment: { ...record.environment, engine: day < 12 ? 'a' : 'b' },
      measurements: { decodeTokensPerSecond },
    };
  });
  const log = new SqliteLog(path);
  const at = records[0]!.startedAt;
  const facts = records.map((record) => ({ fact: 'ResultRecorded' as const, record }));
  await log.append(
    [{ fact: 'SweepSubmitted', sweepId, document, models: [], submitter: 'nightly', at }, ...facts],
    0,
  );
  await log.close();
  return records;
}

/** Every number times a factor, with all the digits that a real one has. */
function measurementsOf({ measurements }: ResultRecord, factor: number): ResultRecord['measurements'] {
  const scaled: ResultRecord['measurements'] = {};
  for (const [name, entry] of Object.entries(measurements)) {
    scaled[name] =
      entry.value === null
        ? entry
        : {
            ...entry,
            value: entry.value * factor,
            mean: entry.mean * factor,
            median: entry.median * factor,
            ci95: entry.ci95 && [entry.ci95[0] * factor, entry.ci95[1] * factor],
            samples: entry.samples?.map((sample) => sample * factor) ?? null,
          };
  }
  return scaled;
}
