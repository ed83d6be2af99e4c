import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { FORMAT_NAMES } from '../../../core/models/formats.js';
import { FormatError } from '../../../formats/format.js';
import { FORMATS, formatOf, formatOfFront } from '../../../formats/index.js';
import { sharedFolder } from '../../support/folder.js';
import { planted } from '../../support/planted-format.js';

const folder = sharedFolder();

function file(name: string, content: string): string {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
}

describe('the format of a file', () => {
  test('is told by magic bytes, whatever the name says', () => {
    expect(formatOf(file('model.onnx', 'GGUF and more')).name).toBe('gguf');
  });

  test('without them by the name, so that its own reader says what is wrong', () => {
    const path = file('broken.gguf', 'x'.repeat(30));
    expect(() => formatOf(path).shapes(path)).toThrow('it does not begin with GGUF');
    expect(formatOf(file('graph.onnx', '\u0008')).name).toBe('onnx');
  });

  test('of a folder by what it holds', () => {
    mkdirSync(join(folder, 'published'));
    writeFileSync(join(folder, 'published', 'config.json'), '{}');
    expect(formatOf(join(folder, 'published')).name).toBe('safetensors');
    mkdirSync(join(folder, 'empty'));
    expect(() => formatOf(join(folder, 'empty'))).toThrow(FormatError);
  });

  test('reads how weights are stored from the file that ModelOpt puts beside a config', () => {
    const model = join(folder, 'modelopt');
    mkdirSync(model);
    const config = {
      model_type: 'llama',
      num_hidden_layers: 1,
      hidden_size: 32,
      num_attention_heads: 2,
      intermediate_size: 16,
      vocab_size: 64,
      max_position_embeddings: 4096,
    };
    writeFileSync(join(model, 'config.json'), JSON.stringify(config));
    const bitsOfDown = () => {
      const reading = formatOf(model).shapes(model);
      return reading.ok ? reading.architecture.layers[0]?.feedForward.down.bits : reading.reason;
    };
    expect(bitsOfDown()).toBe(16);
    const beside = join(model, 'hf_quant_config.json');
    writeFileSync(beside, JSON.stringify({ quantization: { quant_algo: 'NVFP4', group_size: 16 } }));
    expect(bitsOfDown()).toBe(4.5);
    writeFileSync(beside, JSON.stringify({ quantization: {} }));
    expect(bitsOfDown()).toContain('whose bits are not known');
  });

  test('is refused with one sentence that names every format', () => {
    const path = file('notes.txt', 'hello');
    for (const { title } of FORMATS) expect(() => formatOf(path)).toThrow(title);
  });

  test('is not asked of what is neither a file nor a folder', () => {
    expect(() => formatOf('/dev/null')).toThrow('it is neither a file nor a folder');
  });

  test('of JSON is that of a config only where the file says that it is one', () => {
    const config = file('qwen.json', '{"model_type": "qwen2"}');
    expect(formatOf(config).name).toBe('safetensors');
    expect(() => formatOf(config).inspect(config)).toThrow('it is a config and has no weights');
    expect(() => formatOf(file('result.json', '{"schema": 1}'))).toThrow('none of the formats');
    expect(() => formatOf(file('torn.json', '{'))).toThrow('none of the formats');
  });

  test('of weights whose config is elsewhere is known, and says what to do', () => {
    const path = file('adapter.safetensors', '');
    const why = { message: expect.stringMatching(/^it has weights and no config.json beside it/) };
    const hint = expect.stringContaining('into one folder');
    expect(() => formatOf(path).inspect(path)).toThrow(expect.objectContaining({ ...why, hint }));
  });

  test('is told by as much of a front as has come', () => {
    expect(formatOfFront(Buffer.from('GG'))?.name).toBe('gguf');
    expect(formatOfFront(Buffer.from('GGUF\u0003'))?.name).toBe('gguf');
    expect(formatOfFront(Buffer.from('<html>'))).toBeNull();
  });

  test('has an entry under its own name', () => {
    expect(FORMATS.map(({ name }) => name)).toEqual(FORMAT_NAMES);
  });

  test('may be one more entry of the list', () => {
    const formats = [...FORMATS, planted];
    expect(formatOf(file('a.bin', 'PLNT1'), formats).shapes('')).toMatchObject({
      reason: 'it has no layers',
    });
    expect(formatOf(file('b.plant', ''), formats)).toBe(planted);
    expect(() => formatOf(join(folder, 'b.plant'))).toThrow('none of the formats');
  });
});
