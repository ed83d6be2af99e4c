/**
 * The fake's time in a process of its own, behind HTTP: each request is a call of its generator. It ends with
 * whoever started it.
 */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import type { EngineCall, EngineReady, EngineRequest } from './elsewhere.js';
import { FakeModel } from './model.js';

process.once('message', ({ options, demands }: EngineRequest) => {
  const model = new FakeModel(options, demands);
  const server = createServer(async (request, response) => {
    try {
      const answer = answerOf(model, JSON.parse(await text(request)) as EngineCall);
      response.end(JSON.stringify(answer ?? null));
    } catch (error) {
      response.writeHead(500).end((error as Error).message);
    }
  });
  server.listen(0, '127.0.0.1', () => {
    const { port } = server.address() as AddressInfo;
    process.send?.({ port, facts: model.facts } satisfies EngineReady);
  });
});
process.on('disconnect', () => process.exit(0));

function answerOf(model: FakeModel, asked: EngineCall): unknown {
  if (asked.call === 'reset') return model.reset(asked.keepTokens);
  const tokens = asked.lengths.map((length) => new Int32Array(length));
  return asked.call === 'prefill' ? model.prefill(tokens) : [...model.steps(tokens)];
}
