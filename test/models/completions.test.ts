import { afterEach, describe, expect, test } from 'vitest';
import { generate } from '../../agent/quality/asking/generation.js';
import { llamaCpp } from '../../engines/runners/llama-cpp/index.js';
import type { CompletionRequest, Completions } from '../../engines/runners/opened.js';
import { type CompletionsRequest, open as openRunner } from '../../engines/runners/runner.js';
import { load, modelPath } from './loading.js';

let open: Completions | null = null;
afterEach(() => {
  open?.close();
  open = null;
});

async function opened(changes: Partial<CompletionsRequest> = {}, name = 'tiny'): Promise<Completions> {
  open = await openRunner(llamaCpp, 'completions', {
    modelPath: modelPath(name),
    options: { threads: 1 },
    deviceClass: 'cpu',
    deviceId: 'cpu0',
    cpus: [0],
    served: null,
    api: 'completions',
    prefixes: 'once',
    atOnce: 4,
    cacheTokens: 1024,
    timeoutSeconds: 60,
    exactLength: true,
    ...changes,
  });
  return open;
}

const asked = (prompt: string, changes: Partial<CompletionRequest> = {}): CompletionRequest => ({
  system: null,
  prompt,
  model: null,
  maxTokens: 12,
  stop: [],
  temperature: 0,
  topP: null,
  topK: null,
  minP: null,
  seed: 1,
  ...changes,
});

const STORY =
  'The king said that his daughter would marry whoever brought the golden apple from the garden at the end of the world. ';
const ENDS = ['A fox', 'The ship', 'One day', 'His brother'];

describe('prompts are answered in one context', () => {
  test('side by side, as one by one, and what they begin with is read once', async () => {
    const engine = await opened();
    const answers = await Promise.all(ENDS.map((end) => engine.complete(asked(STORY + end))));
    const model = await load('tiny', {}, { contextTokens: 256, wholeCache: true });
    try {
      const same = ENDS.map((end) =>
        generate(model, model.text.tokenize(STORY + end, true), { maxTokens: 12, stop: [] }),
      );
      // Rounding differs with the shape of a batch, which may move a choice late in an answer.
      for (const [i, { text }] of answers.entries()) expect(text.slice(0, 8)).toBe(same[i]!.text.slice(0, 8));
    } finally {
      model.close();
    }
    expect(answers.map(({ outcome, outputTokens }) => [outcome, outputTokens])).toEqual(
      ENDS.map(() => ['complete', 12]),
    );
    const cached = answers.map(({ cachedTokens }) => cachedTokens!);
    expect(cached[0]).toBe(0);
    for (const [i, one] of cached.slice(1).entries())
      expect(one).toBeGreaterThan(answers[i + 1]!.promptTokens! / 2);
    for (const { sent, firstToken } of answers) expect(firstToken).toBeGreaterThan(sent!);
  });

  test('a later prompt goes on where an earlier one and its answer ended; off shares nothing', async () => {
    const engine = await opened();
    const first = await engine.complete(asked(STORY));
    const second = await engine.complete(asked(`${STORY}And then`));
    expect(second.cachedTokens).toBeGreaterThan(first.promptTokens! - 3);
    engine.close();
    const alone = await opened({ prefixes: 'off' });
    await alone.complete(asked(STORY));
    expect((await alone.complete(asked(STORY))).cachedTokens).toBe(0);
    expect(alone.sharing).toBe('none');
  });

  test('more prompts than have room wait; one that never has is refused in a sentence', async () => {
    const engine = await opened({ cacheTokens: 256, atOnce: 8, prefixes: 'off' });
    const many = Array.from({ length: 12 }, (_, i) =>
      engine.complete(asked(`${STORY} ${i}`, { maxTokens: 20 })),
    );
    const outcomes = (await Promise.all(many)).map(({ outcome, problem }) => problem ?? outcome);
    for (const outcome of outcomes)
      expect(outcome).toMatch(/^complete$|^The cache of 256 tokens is full: raise cacheTokens/);
    expect(outcomes).toContain('complete');
    const long = await engine.complete(asked(STORY.repeat(20)));
    expect(long).toMatchObject({
      outcome: 'rejected',
      problem: expect.stringMatching(/do not fit into 256/),
    });
    expect(await engine.complete(asked('x', { model: 'other' }))).toMatchObject({ outcome: 'rejected' });
    expect((await engine.complete(asked(STORY))).outcome).toBe('complete');
  });

  test('draws by its seed, ends at a stop, and is stopped', async () => {
    const engine = await opened({ exactLength: false, prefixes: 'off' });
    const draw = async (seed: number) => (await engine.complete(asked(STORY, { temperature: 1, seed }))).text;
    expect(await draw(7)).toBe(await draw(7));
    expect(new Set([await draw(7), await draw(8), await draw(9)]).size).toBeGreaterThan(1);
    const whole = await engine.complete(asked(STORY, { maxTokens: 20 }));
    const stop = whole.text.trim().split(' ')[2]!;
    const stopped = await engine.complete(asked(STORY, { maxTokens: 20, stop: [stop] }));
    expect(stopped.text).not.toContain(stop);
    expect(stopped.outputTokens).toBeLessThan(whole.outputTokens!);
    const going = engine.complete(asked(STORY, { maxTokens: 400 }));
    engine.stop('enough');
    expect(await going).toMatchObject({ outcome: 'unfinished', problem: 'enough' });
  });

  test('a chat needs a template', async () => {
    await expect(opened({ api: 'chat' })).rejects.toThrow(/no chat template.*/);
  });
});
