import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { probeNode } from '../../../agent/probe.js';
import { readLimits } from '../../../process/device/cgroup.js';
import { sharedFolder } from '../../support/folder.js';

const sysRoot = sharedFolder();

test('limits are those of the agent’s own cgroup, wherever the energy counters are mounted', async () => {
  // /sys of a host, mounted into a container: its root group is the host's, not the agent's.
  mkdirSync(join(sysRoot, 'fs/cgroup'), { recursive: true });
  writeFileSync(join(sysRoot, 'fs/cgroup/memory.max'), '1000000\n');
  const { profile } = await probeNode({
    nodeName: 'n',
    labels: {},
    cpuGroups: [],
    meters: { energy: 'auto', replayFile: null, procRoot: '/proc', sysRoot },
    runnerKinds: [],
    nvmlLibrary: '/nowhere',
  });
  expect(profile.memoryBytes).toBe(readLimits().memoryBytes);
  expect(profile.memoryBytes).toBeGreaterThan(1e6);
});
