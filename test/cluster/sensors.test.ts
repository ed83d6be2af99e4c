import { describe, expect, test } from 'vitest';
import { openSensors } from '../../agent/meters/sensors.js';
import { startTrial } from '../../agent/trial/start.js';
import { isPresent, type ResultRecord } from '../../core/result/result.js';
import { findSysfsGpus, vulkanDevices } from '../../process/device/sysfs-gpus.js';
import { lease, QUICK, trialContext } from '../support/bench.js';
import { compileStub, hasGcc, setStub } from '../support/c-stub.js';
import { amdCard } from '../support/gpu-trees.js';
import { tree } from '../support/system-tree.js';

const PCI = '0000:03:00.0';

describe.skipIf(!hasGcc)('a trial on a GPU of AMD, by a stub of its library (needs gcc)', () => {
  const library = hasGcc ? compileStub('amd-smi-stub') : '';

  /**
   * A trial of some seconds, an energy window of each phase included, on a board that draws 100 W, by its
   * sensor; its counter grows as the stub is told.
   */
  async function trial(counted: string): Promise<ResultRecord> {
    setStub({ AMD_STUB_WATTS: counted });
    const sysRoot = tree(amdCard(0, PCI, 100));
    const sensors = await openSensors({
      sysRoot,
      energy: true,
      allowPowermetrics: false,
      amdLibraries: [library],
    });
    const usual = trialContext({ meters: { sysRoot, sensors } });
    const devices = [...usual.profile.devices, ...vulkanDevices(findSysfsGpus(sysRoot), [0])];
    const on = { ...usual, profile: { ...usual.profile, devices } };
    const measure = { ...QUICK, energyWindows: 1 };
    const options = { fakePrefillTokensPerSecond: 16, fakeDecodeTokensPerSecond: 8 };
    const asked = lease({ device: 'vulkan:amd', runner: { kind: 'fake', options }, measure });
    return startTrial({ ...asked, deviceId: PCI }, on).done;
  }

  test('has the energy of its counter, and the integral of its power beside it', async () => {
    const record = await trial('104');
    const { averagePowerWatts, energyIntegralDifferenceRatio, energyJoules } = record.measurements;
    expect(isPresent(averagePowerWatts!) && averagePowerWatts.value).toBeCloseTo(104, 0);
    expect(isPresent(energyIntegralDifferenceRatio!) && energyIntegralDifferenceRatio.value).toBeCloseTo(
      -0.04,
      2,
    );
    expect(energyJoules).toMatchObject({ source: 'counter:gpu' });
  }, 120_000);
});
