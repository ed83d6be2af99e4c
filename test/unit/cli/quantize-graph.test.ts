import { expect, test } from 'vitest';
import type { QuantizeOptions } from '../../../cli/quantize/command.js';
import { graphRequest, quantizationRequest } from '../../../cli/quantize/request.js';

const options = (type: string, more: Partial<QuantizeOptions> = {}): QuantizeOptions =>
  ({ type, tensorType: [], models: [], ...more }) as QuantizeOptions;

test('types of graphs are told from those of llama.cpp, settings and all', () => {
  expect(graphRequest(options('INT4?blockLength=64', { outputType: 'int8' }))).toMatchObject({
    setting: 'int4?blockLength=64&outputType=int8',
    spec: { type: 'int4', blockLength: 64, outputType: 'int8' },
  });
  expect(graphRequest(options('q4_0'))).toBeNull();
  expect(quantizationRequest(options('Q4_0?outputType=q8_0')).setting).toBe('q4_0?outputType=q8_0');
  expect(() => graphRequest(options('int8', { pure: true }))).toThrow(/has no setting "pure"/);
});
