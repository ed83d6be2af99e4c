import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { inProcess } from '../bench/graph/engines.js';
import { run } from '../bench/graph/run.js';
import { sharedFolder } from '../support/folder.js';
import { modelPath } from './loading.js';

const folder = sharedFolder();
const graphs = join(import.meta.dirname, '../../docs/examples/graphs');
const names = readdirSync(graphs).filter((name) => name.endsWith('.yaml'));

test.each(names)('%s runs to its end on the shipped model, side by side where it can', async (name) => {
  const path = join(graphs, name);
  const options = { promptsAs: 'text', settings: 'out=6', applications: 1, warmups: 0, cacheTokens: 4096 };
  const record = await inProcess(modelPath('tiny'), 1).use((open) =>
    run(open, path, options, { folder, journal: name }),
  );
  const [one] = record.applications;
  expect(one).toMatchObject({ outcome: 'complete', reason: null });
  expect(one!.pathSeconds).toBeLessThanOrEqual(one!.end - one!.start + 1e-9);
  expect(record.nodes.every(({ promptTokens, kind }) => kind !== 'prompt' || promptTokens! > 0)).toBe(true);
});
