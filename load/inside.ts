import { setTimeout as sleep } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import type { ServerProfile } from '../core/runners/server/profile.js';
import type { ServingRecord } from '../core/serving/record.js';
import { SERVER_METRIC_NAMES, SERVER_METRICS, type ServerMetric } from '../core/serving/server-metrics.js';
import { ask, isSuccess } from '../proto/http/ask.js';

const EVERY_MILLISECONDS = 1000;
/** Limits for a page of metrics, which normally has some hundred lines. */
const PAGE = { seconds: 2, mostBytes: 4 * 2 ** 20 };
const SETTLING_MILLISECONDS = 50;
const SETTLING_READINGS = 10;

export type InsideReadings = Pick<ServingRecord, 'inside' | 'insideAbsent'>;

/** Metrics of a server at a time. */
interface Page {
  readonly seconds: number;
  readonly values: ReadonlyMap<string, number>;
}

/**
 * Reads a server's own metrics every second while it is asked; begins once it has read them.
 * @param url with the path of the metrics; null = the profile has none.
 * @param now monotonic seconds.
 * @returns a function that ends the reading and returns the result: counters over the whole time, and gauges
 *   only between the two given times, while requests were running, because before and after them a server is
 *   idle.
 */
export async function watchInside(
  url: string | null,
  headers: Readonly<Record<string, string>>,
  { metrics }: Pick<ServerProfile, 'metrics'>,
  now: () => number,
): Promise<(fromSeconds: number, toSeconds: number) => Promise<InsideReadings>> {
  if (url === null)
    return async () => ({ inside: {}, insideAbsent: 'the profile of the server names no metrics' });
  // Only the series that the profile names are kept, because a run of hours has thousands of pages.
  const series = SERVER_METRIC_NAMES.flatMap((name) => metrics[name] ?? []);
  const pages: Page[] = [];
  let problem: string | null = null;
  const readMetrics = async () => {
    try {
      const asked = now();
      const page = await pageOf(url, headers);
      const values = new Map(series.flatMap((name) => (page.has(name) ? [[name, page.get(name)!]] : [])));
      // The values are from some time between request and answer, so the middle is taken.
      pages.push({ seconds: (asked + now()) / 2, values });
    } catch (error) {
      problem = `its metrics could not be read: ${(error as Error).message}`;
    }
  };
  await readMetrics();
  let reading = Promise.resolve();
  const timer = setInterval(() => {
    reading = reading.then(readMetrics);
  }, EVERY_MILLISECONDS);
  return async (fromSeconds, toSeconds) => {
    clearInterval(timer);
    await reading;
    await readUntilSettled(readMetrics, () => countersOf(pages.at(-1), metrics));
    const loaded = pages.filter(({ seconds }) => seconds >= fromSeconds && seconds <= toSeconds);
    const all = SERVER_METRIC_NAMES.flatMap((name) => {
      const pagesRead = SERVER_METRICS[name] === 'counter' ? pages : loaded;
      const values = pagesRead.flatMap((page) => seriesValue(page.values, metrics[name] ?? []) ?? []);
      return values.length === 0 ? [] : [[name, summaryOf(name, values)]];
    });
    const insideAbsent = pages.length === 0 ? (problem ?? 'the server told no metrics') : null;
    return { inside: Object.fromEntries(all), insideAbsent };
  };
}

/**
 * A server may count its last step only after its last answer has arrived, so pages are read until two of
 * them are equal.
 */
async function readUntilSettled(read: () => Promise<void>, last: () => readonly unknown[]): Promise<void> {
  await read();
  for (let i = 0; i < SETTLING_READINGS; i++) {
    const before = last();
    await sleep(SETTLING_MILLISECONDS);
    await read();
    if (isDeepStrictEqual(before, last())) return;
  }
}

function countersOf(page: Page | undefined, metrics: ServerProfile['metrics']): readonly unknown[] {
  if (page === undefined) return [];
  const counters = SERVER_METRIC_NAMES.filter((name) => SERVER_METRICS[name] === 'counter');
  return counters.map((name) => seriesValue(page.values, metrics[name] ?? []));
}

function summaryOf(name: ServerMetric, values: readonly number[]) {
  if (SERVER_METRICS[name] === 'counter') return { growth: Math.max(0, values.at(-1)! - values[0]!) };
  return { mean: values.reduce((a, b) => a + b, 0) / values.length, max: Math.max(...values) };
}

/**
 * The sum of those series that exist. Some servers count separately what others count together, and names
 * differ between releases.
 */
function seriesValue(page: ReadonlyMap<string, number>, series: readonly string[]): number | null {
  const values = series.flatMap((one) => page.get(one) ?? []);
  return values.length === 0 ? null : values.reduce((a, b) => a + b, 0);
}

async function pageOf(url: string, headers: Readonly<Record<string, string>>): Promise<Map<string, number>> {
  const { status, text } = await ask(new URL(url), { headers, ...PAGE });
  if (!isSuccess(status)) throw new Error(`${url} answered ${status}`);
  return readPage(text);
}

/** name{labels} value [time] (Prometheus text exposition format 0.0.4). */
const SAMPLE = /^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{.*\})?\s+(\S+)/;

/** @returns the values of a page of Prometheus' text format by series name, added up over labels. */
export function readPage(text: string): Map<string, number> {
  const values = new Map<string, number>();
  for (const line of text.split('\n')) {
    const [, name, written] = SAMPLE.exec(line) ?? [];
    const sum = (values.get(name ?? '') ?? 0) + Number(written);
    if (name !== undefined && Number.isFinite(sum)) values.set(name, sum);
  }
  return values;
}
