import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { PROFILES } from '../../../core/runners/server/index.js';
import { monotonicSeconds } from '../../../process/isolation/clock.js';

const FOLDER = join(import.meta.dirname, '../../fixtures/servers/traces');

/** Bytes of an answer as they came. */
interface Piece {
  readonly seconds: number;
  readonly text: string;
}

/**
 * Asks a vLLM for two short answers, one of them of parts of characters alone, and writes what it said byte
 * by byte, and its metrics before and after, where tests read it (test/unit/serving/vllm-trace.test.ts).
 * @param release names the file.
 */
export async function recordTrace(url: string, model: string, release: string): Promise<string> {
  const metricsBefore = await metricsOf(url);
  const { exactLength, streamOptions } = PROFILES.vllm;
  const bodyOf = (prompt: string, tokens: number, more: object) => ({
    model,
    prompt,
    max_tokens: tokens,
    temperature: 0,
    stream: true,
    stream_options: streamOptions,
    ...exactLength,
    min_tokens: tokens,
    ...more,
  });
  const answers = [];
  for (const body of [
    bodyOf('The history of the town begins', 8, {}),
    // Bytes of "é" and "a" in any order: most of them are no characters.
    bodyOf('é', 12, { temperature: 1, seed: 3, allowed_token_ids: [198, 172, 100] }),
  ])
    answers.push({ body, pieces: await piecesOf(url, body) });
  // It counts its last step a little after it.
  await sleep(500);
  const file = join(FOLDER, `vllm-${release}.json`);
  const trace = { release, answers, metricsBefore, metricsAfter: await metricsOf(url) };
  writeFileSync(file, `${JSON.stringify(trace, null, 1)}\n`);
  return file;
}

async function piecesOf(url: string, body: object): Promise<Piece[]> {
  const begun = monotonicSeconds();
  const answer = await fetch(new URL('/v1/completions', url), {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
  if (!answer.ok || answer.body === null) throw new Error(`it answers ${answer.status}`);
  const pieces: Piece[] = [];
  for await (const bytes of answer.body) {
    const seconds = Math.round(1e6 * (monotonicSeconds() - begun)) / 1e6;
    pieces.push({ seconds, text: Buffer.from(bytes).toString('utf8') });
  }
  return pieces;
}

/** Its own series, without buckets, help and times of creation. */
async function metricsOf(url: string): Promise<string> {
  const text = await (await fetch(new URL('/metrics', url))).text();
  return text
    .split('\n')
    .filter((line) => /^(# TYPE )?vllm:/.test(line) && !/_bucket\{|_created[ {]/.test(line))
    .join('\n');
}
