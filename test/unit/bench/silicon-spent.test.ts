import { expect, test } from 'vitest';
import { recordsOf } from '../../../batching/run.js';
import { simulateBatching } from '../../../batching/simulate.js';
import { withHost } from '../../../roofline/step/setting.js';
import { mean } from '../../../statistics/summary.js';
import { endToEnd } from '../../bench/silicon/host.js';
import { loadOfLoop, spentIn } from '../../bench/silicon/spent.js';
import { plainSeconds, serverOf } from '../batching/support.js';

const load = loadOfLoop({ clients: 5, requests: 40, promptTokens: 90, answerTokens: 12, shortest: 0.8 });
const FLAGS = { maxNumBatchedTokens: 64, maxNumSeqs: 4 };
const HOST = { kernelFactor: 1.2, stepSeconds: 3, tokenSeconds: 0.5, requestSeconds: 0 };

test('a closed loop sends so many requests of drawn lengths, all clients at once in the beginning', () => {
  const sent = [...load.requests];
  expect(sent).toHaveLength(40);
  for (const { promptTokens, outputTokens } of sent) {
    expect(promptTokens).toBeGreaterThanOrEqual(72);
    expect(promptTokens).toBeLessThanOrEqual(90);
    expect(outputTokens).toBeGreaterThanOrEqual(9);
    expect(outputTokens).toBeLessThanOrEqual(12);
  }
  const { requests } = simulateBatching(load, serverOf('vllm', FLAGS));
  expect(Array.from({ length: 40 }, (_, i) => requests.sent.at(i)).filter((at) => at === 0)).toHaveLength(5);
});

test.each(['vllm', 'sglang', 'trtllm'])(
  'times of the host that are added afterwards are those of a run that has them: %s',
  (engine) => {
    const flags = engine === 'vllm' ? FLAGS : {};
    const bare = spentIn(load, serverOf(engine, flags, { step: { secondsOf: plainSeconds } }));
    const step: typeof plainSeconds = (batch) => {
      const tokens = batch.chunks.reduce((sum, { newTokens }) => sum + newTokens, batch.decodes);
      return withHost(plainSeconds(batch), 1, tokens, HOST);
    };
    const server = serverOf(engine, flags, { step: { secondsOf: step } });
    const records = recordsOf(simulateBatching(load, server, undefined, { stepByStep: true }));
    const first = mean(records.map(({ firstToken, dispatched }) => firstToken! - dispatched!));
    const each = mean(
      records.map(({ firstToken, done, outputTokens }) => (done! - firstToken!) / (outputTokens! - 1)),
    );
    const { ttftSeconds, tpotSeconds } = endToEnd(bare, HOST);
    expect(ttftSeconds).toBeCloseTo(first, 6);
    expect(tpotSeconds).toBeCloseTo(each, 6);
  },
);
