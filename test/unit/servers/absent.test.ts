import { expect, test } from 'vitest';
import { NO_ENGINES } from '../../../engines/config.js';
import { serverRunner } from '../../../engines/runners/server/index.js';

test('of a server that is not here it is said how to get it, where we can make it', async () => {
  const hints = (kind: 'llama-server' | 'vllm') => serverRunner(kind).probe(NO_ENGINES);
  expect(await hints('llama-server')).toMatchObject({
    available: false,
    hint: "`ridge engines build server` compiles one; or name it under servers in the agent's configuration (docs/servers.md)",
  });
  expect(await hints('vllm')).toMatchObject({
    available: false,
    hint: "name it under servers in the agent's configuration (docs/servers.md)",
  });
});
