import { expect, test } from 'vitest';
import {
  type AskedServer,
  type PredictedServer,
  predictedServer,
} from '../../../batching/predicted-server.js';
import { aloneRequest } from '../../../batching/request.js';
import { summaryOf } from '../../../batching/run.js';
import { simulateBatching } from '../../../batching/simulate.js';
import { servedFormats } from '../../../roofline/analysis/bits.js';
import { namedArchitecture } from '../../../roofline/configs/index.js';
import { requireHardware } from '../../../roofline/hardware/catalogue.js';
import { readEngine } from '../../../roofline/step/engines.js';

function asked(model: string, device: string, engine: string, own: Partial<AskedServer> = {}): AskedServer {
  const reading = namedArchitecture(model);
  if (!reading.ok) throw new Error(reading.reason);
  const hardware = requireHardware(device);
  return {
    architecture: reading.architecture,
    formats: servedFormats('native')!,
    device: hardware,
    memoryBytes: hardware.memoryBytes!.value,
    ...readEngine(engine)!,
    parallelism: { tensor: 1, pipeline: 1, expert: 1 },
    replicas: 1,
    flags: {},
    memoryShare: null,
    host: null,
    own: null,
    ...own,
  };
}

function known(question: AskedServer): PredictedServer {
  const server = predictedServer(question);
  if (!('server' in server)) throw new Error(server.join('; '));
  return server;
}

const ttftOf = ({ server }: PredictedServer, users: number) => {
  const requests = Array.from({ length: 4 * users }, () => aloneRequest(1024, 128));
  const arrival = { kind: 'closed', concurrency: users } as const;
  const limits = { maxSeconds: null, maxRequests: null, maxConcurrency: null };
  const load = { requests, arrival, seed: 1, ...limits, says: 'a test' };
  return summaryOf(simulateBatching(load, server)).ttft.p50;
};

test('a server of measured operators answers later, the more ask at once', () => {
  const server = known(asked('llama-3.1-8b', 'h100', 'vllm'));
  expect(server.source).toMatch(/^tables of vLLM 0\.24\.0 on NVIDIA H100 SXM 80GB, host times fitted on \d+/);
  expect(server.says).toContain('8192 tokens of a step');
  expect(server.spread).toBeGreaterThan(0);
  expect(ttftOf(server, 8)).toBeGreaterThan(1.2 * ttftOf(server, 1));
});

test('the scheduler has the defaults of its engine on the device', () => {
  expect(known(asked('llama-3.1-8b', 'a100-80gb', 'vllm')).says).toContain('2048 tokens of a step');
  const own = { flags: { maxNumBatchedTokens: 4096 } };
  expect(known(asked('llama-3.1-8b', 'a100-80gb', 'vllm', own)).says).toContain('4096 tokens of a step');
  expect(known(asked('llama-3.1-8b', 'b200', 'sglang')).says).toContain('16384');
});

test('replicas count with their devices, and groups that share experts have queues of their own', () => {
  const parallelism = { tensor: 2, pipeline: 1, expert: 1 };
  const two = known(asked('llama-3.1-70b', 'h200', 'vllm', { parallelism, replicas: 3 }));
  expect([two.devices, two.server.replicas]).toEqual([6, 3]);
});

test.each([
  ['a model that does not fit', asked('llama-3.1-70b', 'h100', 'vllm'), /does not fit on 1 × NVIDIA H100/],
  ['a flag that is none', asked('llama-3.1-8b', 'h100', 'vllm', { flags: { maxNumSeq: 8 } }), /maxNumSeqs\?/],
  [
    'a pipeline',
    asked('llama-3.1-8b', 'h100', 'vllm', { parallelism: { tensor: 1, pipeline: 2, expert: 1 } }),
    /of a pipeline overlap is not simulated/,
  ],
  [
    'heads that cannot be shared so',
    asked('llama-3.1-8b', 'h100', 'vllm', { parallelism: { tensor: 3, pipeline: 1, expert: 1 } }),
    /3/,
  ],
])('%s is a reason', (_, question, reason) => {
  const answer = predictedServer(question);
  expect(Array.isArray(answer) && answer.join('; ')).toMatch(reason);
});
