import { describe, expect, test } from 'vitest';
import { EngineLog } from '../../../engines/native/llama-cpp/log.js';

describe('EngineLog', () => {
  test('joins pieces to lines and keeps levels apart', () => {
    const log = new EngineLog();
    log.write(2, 'loading');
    log.write(5, ' the');
    log.write(5, ' model\n');
    log.write(3, 'load: small context\n');
    log.write(1, 'debug line\n');
    expect(log.lines).toEqual([
      { level: 2, text: 'loading the model' },
      { level: 3, text: 'load: small context' },
    ]);
    expect(log.warnings).toEqual(['small context']);
  });

  test('quotes the cause and not what follows from it', () => {
    const log = new EngineLog();
    log.write(4, 'gguf_init_from_reader: failed to read magic\n');
    log.write(4, 'llama_model_load: error loading model: llama_model_loader: failed to load model from /x\n');
    log.write(4, 'llama_model_load_from_file_impl: failed to load model\n');
    expect(log.errors()).toBe('failed to read magic');
    log.clear();
    expect(log.errors()).toBeNull();
    log.write(4, 'failed to load model\n');
    expect(log.errors()).toBe('failed to load model');
  });

  test('finds the newest line, and stays bounded', () => {
    const log = new EngineLog();
    for (let i = 0; i < 5000; i++) log.write(2, `size = ${i} MiB\n`);
    expect(log.find(/size = (\d+) MiB/)).toBe('4999');
    expect(log.find(/nothing/)).toBeNull();
    expect(log.lines.length).toBeLessThanOrEqual(400);
  });
});
