import { describe, expect, test } from 'vitest';
import type { Options } from '../../../core/experiment/experiment.js';
import { configuredServers, serversSchema } from '../../../engines/servers/config.js';
import { gpusOf, splitOf } from '../../../engines/servers/devices.js';

const split = (entry: object, options: Options, deviceClass = 'cuda:h100', held = 1) => {
  const [server] = configuredServers(serversSchema.parse({ mine: { profile: 'vllm', ...entry } }));
  return splitOf(server!, options, deviceClass, held);
};
const alone = { tensor: 1, pipeline: 1, replicas: 1, spreadsExperts: false };

describe('the devices that a server spreads a model over', () => {
  test('are what the options of the point say, where it sees as many', () => {
    expect(split({}, {})).toEqual(alone);
    const two = { ...alone, tensor: 2, pipeline: 2 };
    expect(split({ devices: ['0', '1', '2', '3'] }, { tensorParallel: 2, pipelineParallel: 2 })).toEqual(two);
    expect(split({ devices: ['0', '1'] }, { dataParallel: 2 })).toEqual({ ...alone, replicas: 2 });
    expect(split({}, {}, 'cpu')).toEqual(alone);
    expect(split({}, { tensorParallel: 2 }, 'cuda', 2)).toEqual({ ...alone, tensor: 2 });
  });

  test('are not known where it sees others, runs elsewhere, or was started by somebody else', () => {
    expect(split({ devices: ['0', '1'] }, {})).toBe(
      'the server mine sees 2 GPUs and is told to use 1: over how many it spreads the model is not known',
    );
    expect(split({ attach: 'http://gpu7:8000' }, { tensorParallel: 1 })).toBe(
      'the server mine runs on another machine, whose roofs are not known here',
    );
    const here = { attach: 'http://127.0.0.1:8000' };
    expect(split(here, {})).toBe(
      'over how many GPUs the server mine spreads the model is not known: say it with tensorParallel',
    );
    expect(split(here, { tensorParallel: 4 })).toEqual({ ...alone, tensor: 4 });
  });
});

describe('the GPUs that a server sees', () => {
  const all = ['GPU-aaaa', 'GPU-abbb', 'GPU-cccc'].map((uuid) => ({ uuid, board: null }));
  const own = { id: 'GPU-aaaa', classes: ['cuda'] };

  test('are found by their place on the bus or the start of their UUID', () => {
    expect(gpusOf({ devices: ['0', '2'] }, own, ['GPU-aaaa'], all)).toEqual(['GPU-aaaa', 'GPU-cccc']);
    expect(gpusOf({ devices: ['GPU-ab', 'GPU-cccc'] }, own, ['GPU-aaaa'], all)).toEqual([
      'GPU-abbb',
      'GPU-cccc',
    ]);
    expect(gpusOf({ devices: null }, own, ['GPU-aaaa', 'GPU-abbb'], all)).toEqual(['GPU-aaaa', 'GPU-abbb']);
  });

  test('are the one of the trial where one is not here, or instances stand in their places', () => {
    expect(gpusOf({ devices: ['0', '3'] }, own, ['GPU-aaaa'], all)).toEqual(['GPU-aaaa']);
    const split = [{ uuid: 'MIG-1', board: 'GPU-aaaa' }, ...all.slice(1)];
    expect(gpusOf({ devices: ['0', '1'] }, own, ['GPU-aaaa'], split)).toEqual(['GPU-aaaa']);
    expect(gpusOf({ devices: ['0'] }, { id: 'cpu0', classes: ['cpu'] }, ['cpu0'], all)).toEqual(['cpu0']);
  });
});
