import { regraded } from '../../../../core/judgement/regrade.js';
import { orElse } from '../../../../core/or-else.js';
import type { ResultRecord } from '../../../../core/result/result.js';
import { buildReport } from '../../../../report/build.js';
import { type Payload, unpack } from '../../../../report/payload.js';
import type { Report } from '../../../../report/report.js';
import { inflate } from '../data.js';

/** The schema's name, apart from its module, which would bring the whole schema into the page. */
const SCHEMA = 'ridgepoint.dev/result/v1';

/**
 * @param text of a results.jsonl, or of a report.html
 * @param like what the page is about: a results.jsonl does not say its objectives
 * @returns the run in it. @throws Error with a sentence for people when it holds none.
 */
export async function readRun(name: string, text: string, like: Report): Promise<Report> {
  const request = { sweepName: name, objectives: like.objectives };
  const records = text.trimStart().startsWith('<') ? await embedded(name, text) : lines(name, text);
  try {
    return buildReport(records, request);
  } catch (error) {
    throw new Error(`${name} holds results that this page cannot read: ${(error as Error).message}`);
  }
}

function lines(name: string, text: string): ResultRecord[] {
  const records = text.split('\n').flatMap((line, i): ResultRecord[] => {
    if (line.trim() === '') return [];
    const value = parsed(line);
    if (!isRecord(value)) {
      throw new Error(`Line ${i + 1} of ${name} is no result: choose a results.jsonl or a report.html.`);
    }
    return [regraded(value)];
  });
  if (records.length === 0) throw new Error(`${name} holds no results.`);
  return records;
}

/** The page of another run is only parsed as text: nothing of it is run or fetched. */
async function embedded(name: string, html: string): Promise<ResultRecord[]> {
  const element = new DOMParser().parseFromString(html, 'text/html').getElementById('ridgepoint-data');
  const text = element?.textContent?.trim() ?? '';
  if (text === '') throw new Error(`${name} is no report with results in it.`);
  const json = element?.dataset.encoding === 'gzip+base64' ? await inflate(text) : text;
  const payload = parsed(json) as Payload | undefined;
  try {
    return unpack(payload as Payload).map((record) => regraded(record));
  } catch {
    throw new Error(`${name} was made by another version of Ridgepoint: open its results.jsonl instead.`);
  }
}

function isRecord(value: unknown): value is ResultRecord {
  return typeof value === 'object' && value !== null && (value as { schema?: unknown }).schema === SCHEMA;
}

function parsed(json: string): unknown {
  return orElse(() => JSON.parse(json), undefined);
}
