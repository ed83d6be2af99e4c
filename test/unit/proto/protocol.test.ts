import { expect, test } from 'vitest';
import { type AgentsApi, serveAgent } from '../../../coordinator/api/agents.js';
import { PROTOCOL, toHello } from '../../../proto/convert.js';
import { aNode } from '../../support/wire-records.js';

test.each([
  [
    PROTOCOL + 1,
    `The agent speaks protocol ${PROTOCOL + 1} and the coordinator ${PROTOCOL}: update the coordinator.`,
  ],
  [
    PROTOCOL - 1,
    `The agent speaks protocol ${PROTOCOL - 1} and the coordinator ${PROTOCOL}: update the agent.`,
  ],
])('an agent of protocol %i is refused before anything else of it is read', async (protocol, message) => {
  const hello = { ...toHello(aNode(), { instance: 'i' }), protocol, nodeProfileJson: 'of another release' };
  async function* said() {
    yield { message: { $case: 'hello', value: hello } };
  }
  const stream = Object.assign(said(), { send: () => Promise.reject(new Error('nothing is sent')) });
  const nothing = {} as AgentsApi;
  const context = { caller: 'c', peer: 'p', nodeRefusal: () => null, refusal: () => null };
  await expect(serveAgent(nothing, stream as never, context as never)).rejects.toMatchObject({
    code: 'refused',
    message,
  });
});
