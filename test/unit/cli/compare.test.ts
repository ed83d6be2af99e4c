import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { printComparison } from '../../../cli/compare/compare.js';
import { readSide } from '../../../cli/compare/side.js';
import { percentage } from '../../../cli/options/values.js';
import { jsonLines } from '../../../cli/output/jsonl.js';
import { readColumns } from '../../../report/column-sets.js';
import { readGate } from '../../../report/gate.js';
import { sharedFolder } from '../../support/folder.js';
import { heard } from '../../support/heard.js';
import { sound } from '../../support/reading.js';
import { completeTrial } from '../../support/records.js';
import { servedTrial } from '../../support/served-records.js';
import { techniqueRecords } from '../../support/technique-records.js';

const folder = sharedFolder();
const run = join(folder, 'results.jsonl');
writeFileSync(run, jsonLines(techniqueRecords()));
afterEach(() => vi.restoreAllMocks());

/** @returns the exit code and what was printed. */
async function compared(
  a: string,
  b: string,
  options: {
    gates?: string[];
    format?: 'table' | 'md' | 'csv' | 'json';
    columns?: string | null;
    failOnUndecided?: true;
    falseAlarms?: number;
  },
) {
  const said = heard();
  const gate = (options.gates ?? []).map((text) => {
    return sound(readGate(text)).value;
  });
  const {
    format = 'table',
    failOnUndecided,
    falseAlarms,
    columns: words = 'decodeTokensPerSecond,perplexity,topAgreementRatio',
  } = options;
  const columns = words === null ? null : readColumns(words);
  if (columns?.ok === false) throw new Error(columns.message);
  const code = await printComparison(a, b, {
    format,
    gate,
    within: 600,
    models: [],
    ...(failOnUndecided && { failOnUndecided }),
    ...(falseAlarms !== undefined && { falseAlarms }),
    ...(columns !== null && { columns: columns.columns }),
  });
  return { code, ...said };
}

describe('sides', () => {
  test('are rows by number, by axes, or all', () => {
    expect(readSide(run).report.rows).toHaveLength(24);
    expect(readSide(`${run}#3`).report.rows.map((row) => row.number)).toEqual([3]);
    const side = readSide(`${run}#quantization=q8_0,sparsity=wanda:60%?dsnot=strict&tokens=256`);
    expect(side.report.rows).toHaveLength(2);
    expect(side.chosen).toEqual(['quantization', 'sparsity']);
  });

  test.each([
    ['#99', /no row of .* is 99/],
    ['#quantization=q1', /no row of .* is quantization=q1/],
    ['#bits=4', /there is no axis "bits"/],
    ['#quantization', /"quantization" chooses no rows/],
  ])('%s is refused with what there is', (choice, message) => {
    expect(() => readSide(`${run}${choice}`)).toThrow(message);
  });
});

describe('ridge compare', () => {
  test('prints a line for each metric of each experiment, and how many were compared', async () => {
    const { code, stdout, stderr } = await compared(
      `${run}#quantization=base`,
      `${run}#quantization=q2_k`,
      {},
    );
    expect(code).toBe(0);
    expect(stdout.trimEnd().split('\n')).toHaveLength(1 + 6 * 3 + 1);
    expect(stdout).toMatch(/^small +PPL +36\.3 +38\.5 +\+2\.18 +\+1\.26 to \+3\.09 +worse$/m);
    expect(stdout).toMatch(/top-1 .* points .* worse$/m);
    expect(stderr).toMatch(/^6 experiments compared: .*6 worse in PPL.*\n$/);
  });

  test('by default is a line for each experiment, and a sentence', async () => {
    const { stdout, stderr } = await compared(`${run}#quantization=base`, `${run}#quantization=q2_k`, {
      columns: null,
    });
    expect(
      stdout
        .trimEnd()
        .split('\n')
        .filter((line) => !line.startsWith('~')),
    ).toHaveLength(1 + 6 + 1);
    expect(stdout).toMatch(/^all 6 experiments +× \d\.\d{3}/m);
    expect(stdout).toMatch(/^experiment +decode/);
    expect(stderr).toMatch(/^6 experiments compared: .*decode/);
  });

  test('ends with 3 when a gate is red, and says which and where; with 6 when it is undecided and that was asked for', async () => {
    const sides = [`${run}#1`, `${run}#19`] as const;
    const green = await compared(...sides, { gates: ['perplexity:+4'] });
    expect(green.code).toBe(0);
    expect(green.stderr).toMatch(/^gate green: perplexity:\+4: base: changed by \+2\.18 /m);
    const red = await compared(...sides, { gates: ['perplexity:+1'] });
    expect(red.code).toBe(3);
    expect(red.stderr).toMatch(/^gate red: perplexity:\+1: base: changed by \+2\.18 \[\+1\.26, \+3\.09\]$/m);
    const undecided = await compared(...sides, { gates: ['perplexity:+2.5'] });
    expect(undecided.code).toBe(0);
    expect(undecided.stderr).toMatch(/^gate undecided: perplexity:\+2\.5: base: changed by \+2\.18 /m);
    expect((await compared(...sides, { gates: ['perplexity:+2.5'], failOnUndecided: true })).code).toBe(6);
  });

  test('a gate says how often it is red by accident, and what it finds at that rate', async () => {
    const sides = [`${run}#quantization=base`, `${run}#quantization=q2_k`] as const;
    const found = async (falseAlarms?: number) => {
      const gates = ['decodeTokensPerSecond:-5%'];
      const rate = falseAlarms === undefined ? {} : { falseAlarms };
      const { stderr } = await compared(...sides, { gates, ...rate });
      const [, share, size] =
        /^without any change a gate is red in at most (\S+) % of such comparisons; in four of five decodeTokensPerSecond:-5% finds -(\S+) % \(in all experiments/m.exec(
          stderr,
        )!;
      return [Number(share), Number(size)] as const;
    };
    const [usual, strict] = [await found(), await found(0.001)];
    expect([usual[0], strict[0]]).toEqual([1, 0.1]);
    expect(strict[1]).toBeGreaterThan(usual[1]);
    const json = (await compared(...sides, { format: 'json', gates: ['decode:-5%'], falseAlarms: 0.02 }))
      .stdout;
    expect(JSON.parse(json)).toMatchObject({ falseAlarms: 0.02 });
  });

  test.each(['1', '0%', '50%', 'x%'])('a chance of false alarms of %s is refused', (text) => {
    expect(() => percentage(text)).toThrow('It must be a percentage above 0 and below 50');
    expect(percentage('0.5%')).toBe(0.005);
  });

  test('csv and json carry full precision, missing is empty or null', async () => {
    const sides = [`${run}#1`, `${run}#19`] as const;
    const json = JSON.parse(
      (await compared(...sides, { format: 'json', gates: ['energyJoules:+1%'] })).stdout,
    );
    expect(json.schema).toBe('ridgepoint.dev/comparison/v1');
    expect(json.changes.at(-1)).toMatchObject({ metric: 'energyJoules', change: null, verdict: 'missing' });
    expect(json.gatesUndecided).toHaveLength(1);
    expect(json.gates).toMatchObject([{ gate: 'energyJoules:+1%', outcome: 'undecided' }]);
    const csv = (await compared(...sides, { format: 'csv' })).stdout.split('\r\n');
    expect(csv[0]).toBe(
      'experiment,metric,unit,a,b,kind,change,low,high,verdict,reason,asMeasured,adjustedBy,p,visible',
    );
    expect(Number(csv[2]?.split(',')[3])).toBe(36.2975);
  });

  test('a file of another load generator stands beside ours, or is refused with what is read', async () => {
    const served = join(folder, 'served.jsonl');
    writeFileSync(served, jsonLines([servedTrial({ requests: 200 })]));
    const theirs = join(import.meta.dirname, '../../fixtures/peers/vllm.json');
    const { code, stdout, stderr } = await compared(served, theirs, {});
    expect(code).toBe(0);
    expect(stdout).toMatch(/^ +1 +mean_ttft_ms +ms +50 +60\.1 +1\.202$/m);
    expect(stderr).toMatch(
      /^figures by vLLM's definitions, ours from the requests of each row's first start/,
    );
    const json = JSON.parse((await compared(served, theirs, { format: 'json' })).stdout);
    expect(json).toMatchObject({ schema: 'ridgepoint.dev/peers/v1', tool: 'vLLM' });
    await expect(compared(run, theirs, {})).rejects.toThrow(
      /^no row of .* has a figure that .*vllm\.json has/,
    );
    const other = join(folder, 'other.json');
    writeFileSync(other, '{}');
    await expect(compared(served, other, {})).rejects.toThrow(
      /other\.json is not read: it has neither the shape/,
    );
  });

  test('runs without a common experiment are told so', async () => {
    const other = join(folder, 'other.jsonl');
    writeFileSync(other, jsonLines([completeTrial()]));
    await expect(compared(run, other, {})).rejects.toThrow(/no experiment of .*other\.jsonl is one of/);
  });
});
