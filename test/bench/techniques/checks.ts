import { createHash } from 'node:crypto';
import { createReadStream, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { ResultRecord } from '../../../core/result/result.js';
import { weightBytes } from '../../../formats/gguf/facts.js';
import { readGgufHeader } from '../../../formats/gguf/header.js';

export interface Goal {
  readonly metric: string;
  readonly better: 'max' | 'min';
}

/** What a GGUF file takes. */
export interface FileSize {
  readonly weights: number;
  readonly whole: number;
}

/** Bytes of every GGUF file of some folders, by the digest of its content. */
export async function filesByDigest(folders: readonly string[]): Promise<Map<string, FileSize>> {
  const found = new Map<string, FileSize>();
  for (const folder of folders) {
    for (const name of readdirSync(folder).filter((one) => one.endsWith('.gguf'))) {
      const path = join(folder, name);
      const size = { weights: weightBytes(readGgufHeader(path)), whole: statSync(path).size };
      found.set(`sha256:${await sha256(path)}`, size);
    }
  }
  return found;
}

async function sha256(path: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(path)) hash.update(chunk as Buffer);
  return hash.digest('hex');
}

/**
 * EfficientLLM's model compression rate, (size of the original / of the compressed) · (performance of the
 * compressed / of the original), from the files as they lie there and the scores as they stand in the record.
 * @returns null when a file or a score is not there.
 */
export function compressionRate(record: ResultRecord, files: ReadonlyMap<string, FileSize>): number | null {
  const original = files.get(record.artifact?.base ?? '')?.weights;
  const weights = files.get(record.artifact?.digest ?? '')?.weights;
  const adapters = (record.artifact?.adapters ?? []).map(
    ({ digest }) => files.get(digest)?.whole ?? Number.NaN,
  );
  const compressed =
    weights === undefined ? undefined : adapters.reduce((sum, bytes) => sum + bytes, weights);
  const kept = (record.quality?.tasks ?? []).map(({ scores }) => {
    const score = scores.find(({ name }) => name === 'perByte') ?? scores[0];
    return score?.base == null ? null : score.score.value / score.base.value;
  });
  if (original === undefined || compressed === undefined || kept.length === 0) return null;
  const performance = kept.reduce<number>((sum, share) => sum + (share ?? Number.NaN), 0) / kept.length;
  return (original / compressed) * performance;
}

/** Experiments that no other beats, by looking at every pair; the report's own code is not used. */
export function frontOf(records: readonly ResultRecord[], goals: readonly Goal[]): string[] {
  const costs = records
    .filter((record) => record.status === 'complete' && record.valid)
    .flatMap((record) => {
      const cost = goals.map(({ metric, better }) => {
        const value = record.measurements[metric]?.value ?? Number.NaN;
        return better === 'min' ? value : -value;
      });
      return cost.every(Number.isFinite) ? [{ id: record.experimentId, cost }] : [];
    });
  const beats = (a: readonly number[], b: readonly number[]) =>
    a.every((value, i) => value <= b[i]!) && a.some((value, i) => value < b[i]!);
  return costs.filter(({ cost }) => !costs.some((other) => beats(other.cost, cost))).map(({ id }) => id);
}

/** What a row lacks of speed, memory, quality and energy; energy may be missing when it says why. */
export function lacking(record: ResultRecord): string[] {
  const { measurements } = record;
  const missing = MUST_HAVE.filter((name) => typeof measurements[name]?.value !== 'number');
  const energy = measurements.energyPerOutputTokenJoules;
  const said = energy !== undefined && (energy.value !== null || energy.reason !== '');
  return said ? missing : [...missing, 'energyPerOutputTokenJoules or its reason'];
}

const MUST_HAVE = [
  'prefillTokensPerSecond',
  'decodeTokensPerSecond',
  'peakResidentBytes',
  'averageMemoryBytes',
  'kvCacheBytes',
  'modelBytes',
  'perplexity',
  'klDivergenceNats',
  'topAgreementRatio',
  'taskScoreRatio',
  'taskRetentionRatio',
] as const;
