// Makes roofline/hardware/power.json, of what devices draw in shares of their limit:
// `node --import tsx scripts/write-device-power.ts SYSTEMS SPLITWISE`, where SYSTEMS is `systems` of the
// wheel aisimulate 0.13.0.dev202610270000000085 (Apache-2.0), whose table of products on a B200 has a column
// `power`, and SPLITWISE a clone of Mutinifni/splitwise-sim (MIT), whose runs on A100 say what they drew.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { decompress } from 'fzstd';
import { asyncBufferFromFile, parquetReadObjects } from 'hyparquet';
import { getOrMake, groupBy } from '../core/maps.js';
import type { RoofSeconds } from '../core/work/operator-call.js';
import { publishedCeilings } from '../roofline/ceilings.js';
import { namedArchitecture } from '../roofline/configs/index.js';
import { search } from '../roofline/factors/search.js';
import { requireHardware } from '../roofline/hardware/catalogue.js';
import { roofTimeOf } from '../roofline/operators/device-roofs.js';
import { PRODUCT } from '../roofline/operators/product/family.js';
import { timesOn } from '../roofline/operators/shipped/index.js';
import { TableRow } from '../roofline/operators/table-row.js';
import { compileStep, type Step } from '../roofline/step/compile.js';
import type { PowerShares } from '../roofline/step/power.js';
import { servedIn } from '../roofline/step/served-in.js';
import { kernelsIn, NO_GRAPHS, NO_HOST, type StepBatch } from '../roofline/step/setting.js';
import { median, quantile } from '../statistics/quantile.js';
import { mean } from '../statistics/summary.js';

const OUT = join(import.meta.dirname, '../roofline/hardware/power.json');

/** What was drawn, as a share of the limit, over parts of a run that each use so much of the roofs. */
interface Draw {
  readonly share: number;
  readonly parts: readonly { readonly weight: number; readonly used: RoofSeconds }[];
}

/** Least mean |ln(predicted / measured)|: single rows caught another kernel's power. */
function fitted(draws: readonly Draw[], floor: number, source: string): PowerShares {
  const missOf = ({ share, parts }: Draw, { memory, compute }: RoofSeconds) =>
    Math.log(
      parts.reduce(
        (sum, { weight, used }) =>
          sum + weight * Math.min(1, floor + memory * used.memory + compute * used.compute),
        0,
      ) / share,
    );
  const unknown = { start: 1, least: 0.1, most: 10 };
  const found = search({ memory: unknown, compute: unknown }, (values) =>
    mean(draws.map((draw) => Math.abs(missOf(draw, values)))),
  );
  const cells = [...groupBy(draws, cellOf).values()].map((cell) => ({
    count: cell.length,
    miss: median(cell.map((draw) => missOf(draw, found))),
  }));
  const misses = cells.flatMap(({ count, miss }) => Array.from({ length: count }, () => Math.abs(miss)));
  return {
    floor: rounded(floor),
    memory: rounded(found.memory),
    compute: rounded(found.compute),
    // Two thirds of all draws lie nearer: what a standard deviation is of a normal distribution. A step has
    // many kernels, so that it is the middle of those that use the roofs alike that counts.
    spread: rounded(quantile(misses, 0.683)),
    source,
  };
}

/** Draws that use the roofs alike, to a tenth. */
const cellOf = ({ parts }: Draw) =>
  parts.map(({ used }) => [used.memory, used.compute].map((share) => share.toFixed(1)).join(' ')).join(' ');

const rounded = (value: number) => Number(value.toPrecision(3));

/**
 * Products alone: most of a step is theirs, and what other families count as their traffic is less sure. The
 * floor is what the least demanding calls draw, by any table.
 */
async function b200(systems: string): Promise<PowerShares> {
  const file = join(systems, 'data/b200_sxm/gemm/trtllm/1.3.0rc20/gemm_perf.parquet');
  const compressors = { ZSTD: (input: Uint8Array) => decompress(input) };
  const rows = await parquetReadObjects({ file: await asyncBufferFromFile(file), compressors });
  const ceilings = publishedCeilings(requireHardware('b200'));
  const draws = rows.flatMap((row, index): Draw[] => {
    const [power, limit] = [Number(row.power), Number(row.power_limit)];
    const measured = PRODUCT.tables[0]!.measurementOf(new TableRow(row, `row ${index + 1} of ${file}`));
    if (measured === null || !(power > 0) || !(limit > 0)) return [];
    const roofs = roofTimeOf(PRODUCT.workOf(measured.call as never), ceilings)!.roofs;
    const { seconds } = measured;
    const used = { memory: roofs.memory / seconds, compute: roofs.compute / seconds };
    return used.memory > 1 || used.compute > 1
      ? []
      : [{ share: power / limit, parts: [{ weight: 1, used }] }];
  });
  const floor = quantile(
    draws.map(({ share }) => share),
    0.01,
  );
  return fitted(
    draws,
    floor,
    `${draws.length} products of TensorRT-LLM in the tables of aisimulate 0.13.0.dev202610270000000085, Copyright (c) 2025-2026 NVIDIA CORPORATION & AFFILIATES, Apache-2.0`,
  );
}

/** Whose config is at hand. */
const MODEL = 'llama2-70b';

/** Means over whole runs, of a prompt and then one token after the other, and peaks, which prompts reach. */
function a100(splitwise: string, floor: number): PowerShares {
  const [head = '', ...lines] = readFileSync(join(splitwise, 'data/perf_model.csv'), 'utf8')
    .trim()
    .split(/\r?\n/);
  const names = head.split(',');
  const rows = lines.map((line) => Object.fromEntries(line.split(',').map((cell, i) => [names[i]!, cell])));
  const own = rows.filter(
    ({ model, hardware, average_power }) =>
      model === MODEL && hardware === 'a100-80gb' && Number(average_power) > 0,
  );
  const settings = groupBy(own, ({ prompt_size, batch_size, token_size, tensor_parallel }) =>
    [prompt_size, batch_size, token_size, tensor_parallel].join(' '),
  );
  const draws = [...settings.values()].flatMap((same) => {
    const [row] = same;
    const measured = (name: string) => median(same.map((one) => Number(one[name])));
    const [sequences, prompt, answer] = ['batch_size', 'prompt_size', 'token_size'].map((name) =>
      Number(row![name]),
    );
    const usedOver = (batch: StepBatch, seconds: number) => {
      const { memory, compute } = stepOf(Number(row!.tensor_parallel)).timeOf(batch).roofs;
      return { memory: memory / seconds, compute: compute / seconds };
    };
    const [promptSeconds, tokenSeconds] = [measured('prompt_time') / 1000, measured('token_time') / 1000];
    const chunks = Array.from({ length: sequences! }, () => ({ newTokens: prompt!, cachedTokens: 0 }));
    const ofPrompt = usedOver({ decodes: 0, contextTokens: 0, chunks }, promptSeconds);
    const ofToken = usedOver(
      { decodes: sequences!, contextTokens: prompt! + answer! / 2, chunks: [] },
      tokenSeconds,
    );
    const share = promptSeconds / (promptSeconds + answer! * tokenSeconds);
    return [
      {
        share: measured('average_power'),
        parts: [
          { weight: share, used: ofPrompt },
          { weight: 1 - share, used: ofToken },
        ],
      },
    ];
  });
  return fitted(
    draws,
    floor,
    `${draws.length} settings of vLLM in data/perf_model.csv of splitwise-sim (Patel et al., ISCA 2024), MIT; the floor is that of a B200`,
  );
}

const steps = new Map<number, Step>();

function stepOf(tensor: number): Step {
  return getOrMake(steps, tensor, () => {
    const read = namedArchitecture('llama-2-70b');
    if (!read.ok) throw new Error(read.reason);
    const step = compileStep(
      servedIn(read.architecture, 'bf16'),
      timesOn(requireHardware('a100-80gb'), 'vllm'),
      {
        parallelism: { tensor, pipeline: 1, expert: 1, data: 1 },
        kernels: kernelsIn('bf16'),
        graphs: NO_GRAPHS,
        host: NO_HOST,
      },
    );
    if (!('timeOf' in step)) throw new Error(step.join('; '));
    return step;
  });
}

const [systems, splitwise] = process.argv.slice(2);
if (systems === undefined || splitwise === undefined)
  throw new Error('Name the folder `systems` of the wheel aisimulate, and a clone of splitwise-sim.');
const ofB200 = await b200(systems);
const shares = { 'a100-80gb': a100(splitwise, ofB200.floor), b200: ofB200 };
writeFileSync(OUT, `${JSON.stringify(shares, null, 2)}\n`);
console.log(shares);
