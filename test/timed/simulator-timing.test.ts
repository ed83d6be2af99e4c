import { expect, test } from 'vitest';
import { predictedServer } from '../../batching/predicted-server.js';
import { answerServing } from '../../batching/serving-answer.js';
import { serving } from '../../core/workloads/serving.js';
import { runLoad } from '../../load/run-load.js';
import { servedFormats } from '../../roofline/analysis/bits.js';
import { namedArchitecture } from '../../roofline/configs/index.js';
import { requireHardware } from '../../roofline/hardware/catalogue.js';
import { isKnown } from '../../roofline/step/calls-time.js';
import { readEngine } from '../../roofline/step/engines.js';
import { mean } from '../../statistics/summary.js';
import { sound } from '../support/reading.js';
import { endpointOf, many, withSimulator } from '../support/simulator.js';

const TIMING = '2xh100:vllm:llama-3.1-70b:fp8';
const [CLIENTS, REQUESTS, TOKENS, PROMPT] = [8, 32, 32, 3];

/** What `ridge simulate` says of the same closed loop on the same server. */
function simulated(): { ttft: number; tpot: number } {
  const device = requireHardware('h100');
  const predicted = predictedServer({
    architecture: sound(namedArchitecture('llama-3.1-70b')).architecture,
    formats: servedFormats('fp8')!,
    device,
    memoryBytes: device.memoryBytes!.value,
    ...readEngine('vllm')!,
    parallelism: { tensor: 2, pipeline: 1, expert: 1 },
    replicas: 1,
    flags: {},
    memoryShare: null,
    host: null,
    own: null,
  });
  if (!isKnown(predicted)) throw new Error(predicted.join('; '));
  const options = serving.options.parse({
    concurrency: CLIENTS,
    requests: REQUESTS,
    inputTokens: PROMPT,
    outputTokens: TOKENS,
  });
  const found = answerServing({ options, trace: null, predicted });
  if (typeof found === 'string') throw new Error(found);
  const { ttft, tpot } = found.answer.latencies;
  return { ttft: ttft.mean!.value, tpot: tpot.mean!.value };
}

test('what a load generator measures of a simulated GPU is what ridge simulate says', async () => {
  await withSimulator({ timing: TIMING }, async ({ url }) => {
    const { records } = await runLoad({
      endpoint: endpointOf(url),
      requests: many(REQUESTS, TOKENS),
      arrival: { kind: 'closed', concurrency: CLIENTS },
      seed: 1,
      maxSeconds: null,
      maxRequests: null,
    });
    const measured = {
      ttft: mean(records.map(({ firstToken, dispatched }) => firstToken! - dispatched!)),
      tpot: mean(records.map(({ firstToken, lastToken }) => (lastToken! - firstToken!) / (TOKENS - 1))),
    };
    const own = simulated();
    expect(own.tpot).toBeGreaterThan(0.005);
    expect(measured.tpot / own.tpot).toBeGreaterThan(0.9);
    expect(measured.tpot / own.tpot).toBeLessThan(1.3);
    // A client's next request is a moment late for the step that its last token ended: it waits for one more.
    expect(measured.ttft).toBeGreaterThan(0.8 * own.ttft);
    expect(measured.ttft).toBeLessThan(own.ttft + 3 * own.tpot);
  });
}, 60_000);
