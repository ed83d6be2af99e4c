import { describe, expect, test } from 'vitest';
import { readDelta, refusalOf } from '../../../load/delta.js';

const nothing = { texts: [], answers: false, finish: null, usage: null, error: null };

describe('what a chunk says', () => {
  test('texts by channel, of chats, completions and whole answers', () => {
    const chunk = (delta: object) => readDelta(JSON.stringify({ choices: [{ delta }] })).texts;
    expect(chunk({ role: 'assistant', content: '' })).toEqual([]);
    expect(chunk({ content: 'a' })).toEqual([{ channel: 'answer', text: 'a' }]);
    expect(chunk({ reasoning_content: 'a' })).toEqual([{ channel: 'reasoning', text: 'a' }]);
    expect(chunk({ reasoning: 'a', content: null })).toEqual([{ channel: 'reasoning', text: 'a' }]);
    const call = { index: 0, function: { name: 'f', arguments: '{' } };
    expect(chunk({ tool_calls: [call] })).toEqual([
      { channel: 'tool', text: 'f' },
      { channel: 'tool', text: '{' },
    ]);
    expect(readDelta('{"choices":[{"text":"a","finish_reason":"stop"}]}')).toEqual({
      ...nothing,
      texts: [{ channel: 'answer', text: 'a' }],
      answers: true,
      finish: 'stop',
    });
    expect(readDelta('{"choices":[{"message":{"content":"a"}}]}').texts).toEqual([
      { channel: 'answer', text: 'a' },
    ]);
  });

  test('usage comes with empty choices, and only whole numbers count', () => {
    const usage = '{"choices":[],"usage":{"prompt_tokens":3,"completion_tokens":"4"}}';
    expect(readDelta(usage)).toEqual({ ...nothing, usage: { promptTokens: 3, completionTokens: null } });
    expect(readDelta('{"choices":[],"usage":null}')).toEqual(nothing);
    // What was computed before: as OpenAI and vLLM say it, and as llama-server does.
    const counted = { prompt_tokens: 9, completion_tokens: 1 };
    const told = { choices: [], usage: { ...counted, prompt_tokens_details: { cached_tokens: 7 } } };
    expect(readDelta(JSON.stringify(told)).usage?.cachedTokens).toBe(7);
    const timed = { choices: [], usage: counted, timings: { cache_n: 5 } };
    expect(readDelta(JSON.stringify(timed)).usage?.cachedTokens).toBe(5);
  });

  test('errors in each form that servers have', () => {
    for (const json of [
      '{"error":"full"}',
      '{"error":{"message":"full"}}',
      '{"object":"error","message":"full"}',
    ]) {
      expect(readDelta(json).error).toBe('"full"');
    }
    expect(readDelta(`{"error":"${'x'.repeat(5000)}"}`).error!.length).toBeLessThan(400);
  });

  test('what is no object of JSON is refused, and strange ones say nothing', () => {
    expect(() => readDelta('{"choices":[')).toThrow(SyntaxError);
    expect(() => readDelta('[1]')).toThrow(SyntaxError);
    expect(readDelta('{"choices":[null,{"delta":5},{"delta":{"tool_calls":[null,{}]}}]}')).toEqual({
      ...nothing,
      answers: true,
    });
  });

  test('a refusal says its message, whatever it is written in', () => {
    expect(refusalOf('{"error":{"message":"no"}}')).toBe('"no"');
    expect(refusalOf('{"detail":"no"}')).toBe('"no"');
    expect(refusalOf('<html>no</html>\n')).toBe('"<html>no</html>"');
    expect(refusalOf(' ')).toBeNull();
  });
});
