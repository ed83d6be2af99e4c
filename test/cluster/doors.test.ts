import { expect, test } from 'vitest';
import { Caller } from '../bench/doors/caller.js';
import { fuzzRoutes, fuzzRpcs } from '../bench/doors/fuzz.js';
import { knownOf } from '../bench/doors/messages.js';
import { hostileRequests, ROUTES } from '../bench/doors/requests.js';
import { cases } from '../support/cases.js';
import { control, enter, start } from '../support/coordinator.js';
import { fakeSweep, submission } from '../support/sweeps.js';
import { aNode } from '../support/wire-records.js';

const SEED = 48;

test('hostile messages to every RPC, and requests to every route, are refused with a status and a sentence; a node gets work afterwards', async () => {
  const { grpcAddress, webUrl } = await start({ webAddress: 'localhost:0', webWrites: true });
  const tools = control(grpcAddress);
  const document = fakeSweep(1, { name: 'decoy' });
  const { sweepId } = await tools.submitSweep(submission(document));
  const profile = aNode('fuzz-0');
  const { agent } = await enter(grpcAddress, { profile });
  const known = knownOf(sweepId, document, await agent.lease(), profile);
  agent.vanish();
  const caller = new Caller(grpcAddress, null);
  const messages = await fuzzRpcs([caller], known, cases(2_500), SEED, () => null);
  caller.close();
  expect(messages.faults).toEqual([]);
  expect(new Set(messages.codes)).toContain('INVALID_ARGUMENT');
  const requests = hostileRequests(ROUTES, sweepId, document, cases(750), SEED);
  const web = await fuzzRoutes({ url: webUrl!, tls: null }, requests, () => null);
  expect(web.faults).toEqual([]);
  await tools.submitSweep(submission(fakeSweep(3, { name: 'honest' })));
  const honest = await enter(grpcAddress, { profile: aNode('honest') });
  expect((await honest.agent.lease()).experiment.id).toMatch(/^x/);
});
