import { expect, test } from 'vitest';
import { emptyNotes } from '../../../agent/trial/notes.js';
import { askQuestions } from '../../../agent/trial/quality.js';
import type { Options } from '../../../core/experiment/experiment.js';
import { experiment, lease, trialContext } from '../../support/bench.js';
import { doHere } from '../../support/launcher.js';
import { FACTS } from '../sweep/documents.js';

const NOTHING = {
  request: { text: null, tasks: [] },
  ...{ textDigest: null, taskDigests: [], scorers: {} },
};

/** Asks one model of points with these options and devices, and says of each whether it was asked anew. */
async function askedAnew(points: readonly { readonly device: string; readonly options: Options }[]) {
  const node = trialContext();
  const launch = doHere({ quality: () => ({ text: null, tasks: [], warnings: [] }) });
  const base = { digest: 'b', path: 'base.gguf', facts: FACTS };
  const model = { base, path: 'm.gguf', digest: 'm', adapters: [], runnerKind: 'llama-cpp' };
  const anew: boolean[] = [];
  for (const { device, options } of points) {
    const notes = emptyNotes(new Date(), 0);
    const point = experiment({ device, runner: { kind: 'llama-cpp', options } });
    const trial = { lease: lease(point), node, device: node.profile.devices[0], notes, child: { launch } };
    await askQuestions(trial as never, model as never, NOTHING);
    anew.push(notes.quality?.reused !== true);
  }
  return anew;
}

test('a model that lies elsewhere is asked again, and one that is only faster is not', async () => {
  const here = { device: 'cuda', options: { gpuLayers: 'all', gpus: 2, splitMode: 'tensor', threads: 4 } };
  const elsewhere = [
    { ...here, device: 'cpu' },
    ...[
      { gpuLayers: 4 },
      { gpus: 4 },
      { splitMode: 'layer' },
      { mainGpu: 1 },
      { tensorSplit: '3/1' },
      { rpcServers: 'desk' },
      { rpcServers: 'attic' },
    ].map((options) => ({ ...here, options: { ...here.options, ...options } })),
  ];
  const points = [here, ...elsewhere];
  expect(await askedAnew(points)).toEqual(points.map(() => true));
  const faster = { ...here, options: { ...here.options, threads: 8, batch: 64 } };
  expect(await askedAnew([here, faster])).toEqual([true, false]);
});
