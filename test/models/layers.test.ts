import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { cutLayers } from '../../artifacts/shape/cut-layers.js';
import { modelFacts } from '../../formats/gguf/facts.js';
import { readGgufHeader } from '../../formats/gguf/header.js';
import { sharedFolder } from '../support/folder.js';
import { ridgeHere } from '../support/ridge-here.js';
import { load, modelPath, prompt } from './loading.js';

const folder = sharedFolder();
const inputPath = modelPath('tiny');
const { layers } = modelFacts(readGgufHeader(inputPath));

async function lastLogits(path: string): Promise<Float32Array> {
  const model = await load(path, {}, { contextTokens: 256 });
  let row = new Float32Array();
  const tokens = prompt(32, 5);
  model.text.evaluate(tokens, tokens.length - 1, (_, logits) => {
    row = logits.slice();
  });
  model.close();
  return row;
}

describe('layers that are left out', () => {
  test('all that stay compute what they computed: with every layer the logits are the same, with fewer others', async () => {
    const whole = join(folder, 'whole.gguf');
    const first = join(folder, 'first.gguf');
    expect(await cutLayers({ inputPath, outputPath: whole, kept: layers! })).toEqual({
      layersBefore: layers,
      layers,
    });
    await cutLayers({ inputPath, outputPath: first, kept: 1 });
    expect(modelFacts(readGgufHeader(first)).layers).toBe(1);
    const base = await lastLogits(inputPath);
    expect(await lastLogits(whole)).toEqual(base);
    const cut = await lastLogits(first);
    expect(cut.length).toBe(base.length);
    expect(cut).not.toEqual(base);
  });

  test('more than there are, are refused', async () => {
    const work = cutLayers({ inputPath, outputPath: join(folder, 'no.gguf'), kept: layers! + 1 });
    await expect(work).rejects.toMatchObject({ failure: { code: 'impossible-combination' } });
  });
});

describe('ridge exits', () => {
  test('says for each exit and threshold how much of the whole model is left', async () => {
    const words = ['exits', 'builtin:tiny', '--layers', '1', '--max-windows', '2', '--context', '64'];
    const { code, stdout } = await ridgeHere([...words, '--thresholds', '0,1', '--json']);
    expect(code).toBe(0);
    const { tokens, fixed, confident } = JSON.parse(stdout);
    expect(tokens).toBe(2 * 31);
    expect(fixed.map(({ layers }: { layers: number }) => layers)).toEqual([1, layers]);
    expect(fixed[1].agreement).toBe(1);
    // At a threshold of 0 all leave at once; with 1 none does.
    expect(confident[0].shares).toEqual([1, 0]);
    expect(confident[0].perplexity).toBeCloseTo(fixed[0].perplexity, 4);
    expect(confident[1].perplexity).toBeCloseTo(fixed[1].perplexity, 4);
  });

  test('refuses exits that the model does not have', async () => {
    const { code, stderr } = await ridgeHere(['exits', 'builtin:tiny', '--layers', '99']);
    expect(code).toBe(2);
    expect(stderr).toMatch(/--layers 99: the model has \d+ layers, and an exit is behind 1 to/);
  });
});
