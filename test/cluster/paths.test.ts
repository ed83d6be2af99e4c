import { copyFileSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import { createProgram } from '../../cli/program.js';
import { PACKAGE_ROOT } from '../../process/package.js';
import { LONG } from '../support/cases.js';
import { sharedFolder } from '../support/folder.js';
import { ridge } from '../support/ridge.js';
import { ridgeHere } from '../support/ridge-here.js';

const folder = sharedFolder();
beforeAll(() => {
  mkdirSync(join(folder, 'dir'));
  mkdirSync(join(folder, 'full'));
  writeFileSync(join(folder, 'full/words'), 'words');
  writeFileSync(join(folder, 'file'), 'words');
  copyFileSync(join(PACKAGE_ROOT, 'models/tiny-f16.gguf'), join(folder, 'model.gguf'));
});

const NONE = 'none/x';
const BELOW = 'file/x';

/** Every place of a command where a path stands, PATH, with what it cannot be there. */
const PLACES: readonly (readonly [words: string, wrong: readonly string[]])[] = [
  ['run PATH', [NONE, 'dir', BELOW]],
  ['run model.gguf --config PATH', [NONE, 'dir']],
  ['run model.gguf --out PATH', ['file', BELOW]],
  ['run model.gguf --otlp http://127.0.0.1:9/ --push-token-file PATH', [NONE, 'dir']],
  ['bench -m PATH', [NONE, BELOW]],
  ['bench -m model.gguf --save PATH', [NONE, 'dir', 'file', BELOW]],
  ['init --vary none --model PATH', [NONE, BELOW]],
  ['init --vary none --model model.gguf --out PATH', [NONE, 'dir', 'file', BELOW]],
  ['plan PATH', [NONE, 'dir', BELOW]],
  ['plan model.gguf --config PATH', [NONE, 'dir']],
  ['plan model.gguf --hardware h100 --calibration PATH', [NONE, 'dir', BELOW]],
  ['plan model.gguf --hardware h100 --prices PATH', [NONE, 'dir', BELOW]],
  ['report PATH', [NONE, 'dir', 'file', BELOW]],
  ['report -o PATH', [NONE, 'dir', BELOW]],
  ['runs PATH', [NONE, 'file', BELOW]],
  ['compare PATH PATH', [NONE, 'dir', 'file']],
  ['recommend PATH', [NONE, 'dir', 'file', BELOW]],
  ['recommend dir --prices PATH', [NONE, 'dir', BELOW]],
  ['bundle PATH --output out.bundle', [NONE, 'dir', 'file', BELOW]],
  ['bundle verify PATH', [NONE, 'dir', BELOW]],
  ['bundle keygen PATH', [NONE, BELOW]],
  ['drift PATH', [NONE, 'dir', 'file', BELOW]],
  ['baseline save b PATH', [NONE, 'dir', 'file', BELOW]],
  ['export openmetrics PATH', [NONE, 'dir', 'file']],
  ['export openmetrics -o PATH', [NONE, 'dir', BELOW]],
  ['coordinator --config PATH', [NONE, 'dir', BELOW]],
  ['agent --config PATH', [NONE, 'dir', BELOW]],
  ['agent --coordinator 127.0.0.1:1 --token-file PATH', [NONE, 'dir']],
  ['submit PATH', [NONE, 'dir', BELOW]],
  ['watch --tls-ca PATH', [NONE, 'dir']],
  ['pause s --token-file PATH', [NONE, 'dir']],
  ['resume s --token-file PATH', [NONE, 'dir']],
  ['cancel s --token-file PATH', [NONE, 'dir']],
  ['sweeps --token-file PATH', [NONE, 'dir']],
  ['sweeps delete s --yes --token-file PATH', [NONE, 'dir']],
  ['sweeps pin s --token-file PATH', [NONE, 'dir']],
  ['sweeps unpin s --token-file PATH', [NONE, 'dir']],
  ['results --token-file PATH', [NONE, 'dir']],
  ['nodes --token-file PATH', [NONE, BELOW]],
  ['best tiny --token-file PATH', [NONE, 'dir']],
  ['roofline PATH', [NONE, 'dir', BELOW]],
  ['roofline --hardware h100 --model PATH', [NONE, 'dir', 'file']],
  ['roofline --model model.gguf --hardware PATH.json', [NONE, BELOW]],
  ['roofline --model model.gguf --hardware h100 --svg PATH', [NONE, 'dir', BELOW]],
  ['turns PATH', [NONE, 'dir', 'file']],
  ['turns llama-3.1-8b --svg PATH', [NONE, 'dir', BELOW]],
  ['turns llama-3.1-8b --calibration PATH', [NONE, 'dir', BELOW]],
  ['simulate PATH', [NONE, 'dir', 'file']],
  ['simulate PATH.yaml', [NONE, BELOW]],
  ['simulate llama-3.1-8b --trace PATH', [NONE, 'dir', BELOW]],
  ['simulate llama-3.1-8b --html PATH', [NONE, 'dir', BELOW]],
  ['simulate llama-3.1-8b --calibration PATH', [NONE, 'dir', BELOW]],
  ['fit --model PATH', [NONE, 'dir', 'file']],
  ['fit llama-3.1-8b --slo e2e:p50<1s --trace PATH', [NONE, 'dir', BELOW]],
  [
    'fit llama-3.1-8b --slo e2e:p50<9s --request-rate 1 --input-len 8 --output-len 8 --hardware h100 --prices PATH',
    [NONE, 'dir', BELOW],
  ],
  ['models PATH', [NONE, BELOW]],
  ['quality PATH', [NONE, BELOW]],
  ['quality model.gguf --text PATH', [NONE, 'dir', BELOW]],
  ['quality model.gguf --task PATH', [NONE, 'dir', BELOW]],
  ['answers PATH', [NONE, 'file', BELOW]],
  ['graph PATH', [NONE, 'file', BELOW]],
  ['graph --check PATH', [NONE, 'dir', BELOW]],
  ['exits PATH', [NONE, BELOW]],
  ['exits model.gguf --text PATH', [NONE, 'dir', BELOW]],
  ['judge PATH', [NONE, BELOW]],
  ['judge model.gguf --template PATH', [NONE, 'dir', BELOW]],
  ['models convert PATH', [NONE, BELOW]],
  ['models convert model.gguf --to onnx --out PATH', ['full', 'file', BELOW]],
  ['calibrate PATH', [NONE, BELOW]],
  ['calibrate model.gguf --text PATH', [NONE, 'dir', BELOW]],
  ['calibrate model.gguf --output PATH', [NONE, 'dir', BELOW]],
  ['quantize PATH out.gguf --type q8_0', [NONE, BELOW]],
  ['quantize model.gguf PATH --type q8_0', [NONE, 'dir', 'file', BELOW]],
  ['prune PATH out.gguf --method magnitude --ratio 50%', [NONE, BELOW]],
  ['prune model.gguf PATH --method magnitude --ratio 50%', [NONE, 'dir', 'file', BELOW]],
  ['adapt inspect PATH', [NONE, BELOW]],
  ['adapt merge PATH builtin:small-pgdoc-r4 out.gguf', [NONE, BELOW]],
  ['adapt merge builtin:small PATH out.gguf', [NONE, BELOW]],
  ['adapt train model.gguf out.gguf --text PATH', [NONE, 'dir']],
  ['profile PATH', [NONE, BELOW]],
  ['roofs --config PATH', [NONE, 'dir']],
  ['roofs --stored --out PATH', [NONE, 'dir', BELOW]],
  ['factors --config PATH', [NONE, 'dir']],
  ['recommend PATH', [NONE, 'dir', 'file', BELOW]],
  ['bundle -o run.bundle PATH', ['dir', 'file']],
  ['bundle verify PATH', [NONE, 'dir', BELOW]],
  ['bundle keygen PATH', ['dir', BELOW]],
  ['drift PATH', ['dir', 'file']],
  ['baseline save words PATH', ['dir', 'file']],
  ['operator --config PATH', [NONE, 'dir', BELOW]],
  ['slurm submit PATH', [NONE, 'dir', BELOW]],
  ['log verify PATH', [NONE]],
  ['log backup PATH', [NONE, 'dir', BELOW]],
  ['support-bundle PATH', [NONE, 'dir', 'file', BELOW]],
  ['support-bundle out.tar.gz --config PATH', [NONE, 'dir', BELOW]],
  ['restore PATH --into restored.sqlite', [NONE, 'dir', BELOW]],
  ['restore file --into PATH', ['dir', 'file', BELOW]],
  ['top --token-file PATH', [NONE, 'dir']],
  ['config check PATH', [NONE, 'dir', BELOW]],
  ['doctor --config PATH', [NONE, 'dir']],
  ['doctor --noise --config PATH', [NONE, 'dir']],
  ['doctor --fleet --token-file PATH', [NONE, 'dir']],
];

/** Commands that take no path, or make what is not there. */
const WITHOUT = ['power-helper', 'kernels', 'engines', 'certs', 'token'];

test('every command that takes a path is among them', async () => {
  const tried = new Set(PLACES.map(([words]) => words.split(' ')[0]));
  const all = (await createProgram()).commands.map((command) => command.name());
  expect(all.filter((name) => !tried.has(name) && !WITHOUT.includes(name))).toEqual([]);
});

/**
 * Each place meets one of them by default, all kinds in turn, and in this process; the long run tries every
 * one as a user would.
 */
const tried = PLACES.map(([words, wrong], i) => [words, LONG ? wrong : [wrong[i % wrong.length]!]] as const);
/** A judge reads what this process stands on. */
const startOf = (words: string) => (LONG || words.startsWith('judge') ? ridge : ridgeHere);

test.each(tried)(
  '%s',
  async (words, wrong) => {
    for (const path of wrong) {
      const args = words.replaceAll('PATH', path).split(' ');
      const env = { XDG_STATE_HOME: folder, RIDGE_ROOFS: 'off', NO_COLOR: '1' };
      const { code, stdout, stderr } = await startOf(words)(args, { cwd: folder, env });
      expect(code, `${args.join(' ')}\n${stderr}`).toBe(2);
      expect(stdout, args.join(' ')).toBe('');
      expect(stderr, args.join(' ')).not.toMatch(/\bE[A-Z]{4,}\b|internal|\bat .+:\d+:\d+/);
      expect(stderr, args.join(' ')).toMatch(/^ridge: /m);
    }
  },
  180_000,
);
