import { describe, expect, test } from 'vitest';
import { helpText, parseOptions } from '../../../load/simulator/options.js';
import { withSimulator } from '../../support/simulator.js';

async function get(url: string) {
  const answer = await fetch(url);
  return { status: answer.status, text: await answer.text() };
}

describe('a simulated server', () => {
  test('is ready after a while, names its model, and counts like llama-server', async () => {
    await withSimulator({ ready: 2, ttft: 0, itl: 0, 'max-sequences': 1 }, async ({ url }) => {
      expect((await get(`${url}/health`)).status).toBe(503);
      await expect.poll(async () => (await get(`${url}/health`)).status, { timeout: 20_000 }).toBe(200);
      expect(JSON.parse((await get(`${url}/v1/models`)).text).data).toMatchObject([{ id: 'simulated' }]);
      const ask = { method: 'POST', body: JSON.stringify({ prompt: 'a b', max_tokens: 5 }) };
      const answers = [1, 2, 3].map(() =>
        fetch(`${url}/v1/completions`, ask).then((answer) => answer.json()),
      );
      for (const answer of await Promise.all(answers)) {
        expect(answer).toMatchObject({ usage: { prompt_tokens: 2, completion_tokens: 5 } });
      }
      const { text } = await get(`${url}/metrics`);
      expect(text).toContain('llamacpp:tokens_predicted_total 15\n');
      expect(text).toContain('llamacpp:prompt_tokens_total 6\n');
      await expect
        .poll(async () => (await get(`${url}/metrics`)).text)
        .toContain('llamacpp:requests_processing 0\n');
      expect((await get(`${url}/nothing`)).status).toBe(404);
    });
  });

  test('takes its options from a command line, and says what is wrong there', async () => {
    expect(await parseOptions(['--port', '8080', '--ttft=0.5', '--fault=hang:20'])).toMatchObject({
      port: 8080,
      ttft: 0.5,
      itl: 0.005,
      fault: { name: 'hang', after: 20 },
    });
    expect(await parseOptions(['--fault=explode'])).toMatch(
      /^--fault: there is no fault "explode"; there are: none, die, /,
    );
    expect(await parseOptions(['--ttft=soon'])).toMatch(/^--ttft: /);
    expect(await parseOptions(['--speed=1'])).toMatch(/--speed/);
    expect(helpText()).toMatch(/--chunk-tokens +1\n[\s\S]*slow-loris +sends comments for ever/);
  });
});
