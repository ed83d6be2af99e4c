import { expect, test } from 'vitest';
import { emptyNotes } from '../../../agent/trial/notes.js';
import { loadedRoofline } from '../../../agent/trial/roofline.js';
import { startTrial } from '../../../agent/trial/start.js';
import { NO_ENGINES } from '../../../engines/config.js';
import { experiment, lease, trialContext } from '../../support/bench.js';
import { GIVEN, ROOFS } from '../../support/roofline.js';

test('the record of a trial has names of RPC servers where their addresses were said', async () => {
  const address = '10.0.0.7:50052';
  const node = { ...trialContext(), engines: { ...NO_ENGINES, rpc: { servers: { desk: address } } } };
  const { failure } = await startTrial({ ...lease(), deviceId: address }, node).done;
  expect(failure?.message).toContain('the device desk of');
});

test('a trial on several devices that loaded nothing gives no reason why its work is not counted', () => {
  const of = experiment({ runner: { kind: 'llama-cpp', options: { gpus: 2 } } });
  const others = [{ name: 'the other', roofs: ROOFS, factors: null }];
  const notes = { ...emptyNotes(new Date(), 0), roofline: { ...GIVEN, others } };
  expect(loadedRoofline(of, notes)).toBeNull();
  expect(notes.absent).toEqual({});
  const facts = { modelBytes: 1, parameters: 1, kvCacheBytes: 1, engineFiles: [], environment: {} };
  const loaded = { ...notes, loaded: facts };
  expect(loadedRoofline(of, loaded)).toBeNull();
  expect(loaded.absent.roofline).toBe('how llama-cpp shares its work between devices is not counted');
});
