import { describe, expect, test } from 'vitest';
import { choosingLoras } from '../../../agent/workloads/lora-requests.js';
import { PROFILES, type ServerKindName } from '../../../core/runners/server/index.js';
import { parseLoraShares, parseLoras } from '../../../core/serving/loras.js';
import { type ServedEndpoint, withoutLora } from '../../../engines/servers/served.js';
import { plain } from '../../support/simulator.js';

function served(profile: ServerKindName, loras: readonly string[]): ServedEndpoint {
  return {
    name: 'test',
    url: 'http://127.0.0.1:1',
    model: 'm',
    loras,
    apiKey: null,
    pid: null,
    startSeconds: null,
    weightsLoadSeconds: null,
    kept: false,
    profile: PROFILES[profile],
  };
}

/** Conversations of two turns. */
const make = (count: number) =>
  Array.from({ length: count }, (_, i) =>
    plain(`p${i}`, 4, { conversation: Math.floor(i / 2), turn: i % 2, follows: i % 2 === 1 }),
  );

describe('adapters that requests choose among', () => {
  test('are read, or refused in a sentence', () => {
    expect(parseLoras('sql=adapters/sql, chat=c.gguf')).toEqual([
      { name: 'sql', source: 'adapters/sql' },
      { name: 'chat', source: 'c.gguf' },
    ]);
    expect(parseLoras('sql')).toMatch(/^"sql" is no adapter: write name=source/);
    expect(parseLoras('a=x,a=y')).toBe('the adapter a is named twice');
    expect(parseLoras('base=x')).toMatch(/^base stands for the model as it is/);
    expect(parseLoraShares('sql:3,base:1')).toEqual([
      { name: 'sql', share: 0.75 },
      { name: null, share: 0.25 },
    ]);
    expect(parseLoraShares('sql:0')).toMatch(/^"sql:0" is no share of an adapter/);
    expect(parseLoraShares('sql:1,sql:2')).toBe('sql has two shares');
  });

  test('are drawn by their shares, the same for the same seed, one for a conversation', () => {
    const maker = choosingLoras(make, 'sql:3,base:1', served('vllm', ['sql']));
    const requests = maker(4000, 7);
    expect(maker(4000, 7)).toEqual(requests);
    const asked = requests.filter(({ lora }) => lora === 'sql');
    expect(asked.length / requests.length).toBeCloseTo(0.75, 1);
    expect(asked[0]?.body).toEqual({ model: 'sql' });
    expect(requests.find(({ lora }) => lora == null)?.body).toBeUndefined();
    for (let i = 0; i < requests.length; i += 2) expect(requests[i + 1]!.lora).toBe(requests[i]!.lora);
  });

  test('are asked for as each server wants it', () => {
    const body = (profile: ServerKindName, loras: readonly string[]) =>
      choosingLoras(make, 'chat:1', served(profile, loras))(1, 1)[0]!.body;
    expect(body('vllm', ['sql', 'chat'])).toEqual({ model: 'chat' });
    expect(body('sglang', ['sql', 'chat'])).toEqual({ lora_path: 'chat' });
    expect(body('llama-server', ['sql', 'chat'])).toEqual({ lora: [{ id: 1, scale: 1 }] });
    // One that somebody else loaded, by its name.
    expect(body('openai', [])).toEqual({ model: 'chat' });
    // While some are loaded, a request to llama-server that wants none has to say so.
    expect(withoutLora(served('llama-server', ['sql']))).toEqual({ lora: [{ id: 0, scale: 0 }] });
    expect(withoutLora(served('llama-server', []))).toEqual({});
    expect(withoutLora(served('vllm', ['sql']))).toEqual({});
    expect(() => body('vllm', ['sql'])).toThrow('the server test has no adapter chat');
    expect(() => body('tensorrt-llm', [])).toThrow('cannot be asked for an adapter');
  });
});
