import type { TechniqueChoice } from '../../core/experiment/experiment.js';
import type { QualityRecord } from '../../core/quality/record.js';
import type { ResultRecord } from '../../core/result/result.js';
import { inUnits } from '../../judgement/entries.js';
import { qualityFindings } from '../../judgement/quality.js';
import { experimentOf, hex } from './experiments.js';
import { completeTrial } from './records.js';

/** What each word costs, as a share of the base's perplexity; figures of the kind that small models have. */
const QUANTIZATIONS = { base: 0, q8_0: 0.0002, q4_k_m: 0.003, q2_k: 0.06 };
const SPARSITIES = {
  none: 0,
  'wanda:60%?dsnot=strict&tokens=256': 0.18,
  'wanda:60%?dsnot=reference&tokens=256': 0.2,
};
const ADAPTERS = { none: 0, 'adapters/literature/small-pgdoc-r4.gguf*0.5?mode=merged': 0.7 };

const BASE_PERPLEXITY = 36.2975;

/**
 * Trials of a sweep that crosses techniques, with quality and lineage as an agent writes them; 24 of them.
 */
export function techniqueRecords(): ResultRecord[] {
  const records: ResultRecord[] = [];
  for (const [quantization, a] of Object.entries(QUANTIZATIONS)) {
    for (const [sparsity, b] of Object.entries(SPARSITIES)) {
      for (const [adapter, c] of Object.entries(ADAPTERS)) {
        const technique = { quantization, sparsity, attention: 'base', layers: 'all', adapter };
        records.push(techniqueTrial(technique, a + b + c, records.length));
      }
    }
  }
  return records;
}

function techniqueTrial(technique: TechniqueChoice, cost: number, position: number): ResultRecord {
  const { quantization } = technique;
  const point = experimentOf({
    model: 'small',
    quantization: quantization === 'base' ? 'f16' : quantization,
  });
  const id = `x${hex(JSON.stringify(technique), 24)}`;
  const trial = completeTrial({ experiment: { ...point, id, technique }, position, sweepName: 'techniques' });
  const quality = qualityOf(cost);
  const { entries } = qualityFindings({ quality, absent: {} });
  const known = inUnits(entries, '');
  const ofQuality = Object.fromEntries(Object.keys(entries).map((name) => [name, known[name]!]));
  const made = Object.entries(technique).filter(([, word]) => word !== 'base' && word !== 'none');
  const steps = made.map(([name, word], i) => ({
    recipe: `${name}(${word})`,
    digest: `sha256:${hex(`${word}${i}`, 64)}`,
    bytes: (trial.artifact?.bytes ?? 0) + i,
    makeSeconds: 1.5 + i,
    facts: (name === 'sparsity'
      ? { sparsity: 0.6, meanError: 0.0123, outputMse: 4.56e-5, layers: 56 }
      : {}) as Record<string, number>,
  }));
  return {
    ...trial,
    quality,
    measurements: { ...trial.measurements, ...ofQuality },
    artifact: trial.artifact && {
      ...trial.artifact,
      recipe: steps.map((s) => s.recipe).join(' → ') || 'base',
      steps,
    },
  };
}

/** What a short fine-tuning leaves in a record. */
export const TRAINING: NonNullable<ResultRecord['training']> = {
  method: 'lora',
  trainableParameters: 157_696,
  baseParameters: 8_392_960,
  windows: 40,
  heldOutWindows: 8,
  sequencesPerStep: 4,
  windowTokens: 128,
  losses: Array.from({ length: 30 }, (_, i) => 5.5 * 0.97 ** i + 0.1 * Math.sin(i)),
  evalBefore: 5.52,
  evalAfter: 2.61,
  stepSeconds: {
    whole: Array.from({ length: 30 }, () => 0.5),
    forward: Array.from({ length: 30 }, () => 0.14),
    backward: Array.from({ length: 30 }, () => 0.31),
    optimizer: Array.from({ length: 30 }, () => 0.03),
  },
  memory: { weights: 17e6, gradients: 0.63e6, optimizer: 1.26e6, activations: 92e6, inputs: 0.1e6 },
  made: { kind: 'adapter', digest: `sha256:${hex('adapter', 64)}`, bytes: 632_000, parameters: 157_696 },
};

function qualityOf(cost: number): QualityRecord {
  const estimate = (value: number, standardError: number) => ({ value, standardError });
  const score = 0.603 - 0.2 * cost;
  return {
    text: {
      tokens: 8192,
      windows: 16,
      scored: 4096,
      perplexity: estimate(BASE_PERPLEXITY * (1 + cost), 0.33),
      againstBase: {
        perplexity: estimate(BASE_PERPLEXITY, 0.33),
        perplexityRatio: estimate(1 + cost, 0.0004 + cost / 40),
        kl: {
          mean: estimate(cost * 0.9, cost / 40),
          median: cost / 3,
          p90: cost * 2,
          p95: cost * 3,
          p99: cost * 5,
          p999: cost * 9,
          maximum: cost * 20,
        },
        sameTop: estimate(1 - cost / 2, 0.003 + cost / 90),
        probabilityChangeRms: estimate(cost / 9, cost / 900),
      },
    },
    tasks: [
      {
        name: 'continuation',
        items: 60,
        perItem: { seconds: null, tokensIn: null, tokensOut: null },
        chance: 0.25,
        scores: [
          {
            name: 'perByte',
            score: estimate(score, 0.063),
            base: estimate(0.603, 0.063),
            retentionPercent: estimate((100 * score) / 0.603, 2.1),
            groupings: [
              {
                by: 'group',
                groups: [
                  {
                    group: 'short',
                    items: 30,
                    score: estimate(score - 0.1, 0.09),
                    retentionPercent: estimate((100 * (score - 0.1)) / 0.503, 3),
                  },
                  {
                    group: 'long',
                    items: 30,
                    score: estimate(score + 0.1, 0.09),
                    retentionPercent: estimate((100 * (score + 0.1)) / 0.703, 3),
                  },
                ],
                spread: { best: 'long', worst: 'short', range: estimate(0.2, 0.127), stddev: 0.141 },
              },
            ],
          },
        ],
      },
    ],
    textDigest: `sha256:${hex('text', 64)}`,
    taskDigests: [`sha256:${hex('task', 64)}`],
    questions: [],
    warnings: [],
    seconds: 3.2,
    reused: false,
  };
}
