import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { orElse } from '../../core/or-else.js';
import { systemText } from '../../process/device/system-text.js';
import { absentMeter, energyQuantity, type MeterSearch } from './meter.js';
import { fileSource, type Source, sourceMeter, unwrapped } from './sources.js';

/** The hardware renews it about every millisecond; reading it that often would cost more than it tells. */
export const RAPL_PERIOD_SECONDS = 0.05;

/** What a zone of RAPL is to us. */
type RaplPart = 'package' | 'dram' | 'core' | 'psys';

/**
 * CPU energy counters through the kernel's powercap tree (kernel docs, power/powercap). Intel and AMD use the
 * same names. Packages and their `dram` lie side by side: what is taken as energy may be summed. `core` lies
 * inside `package` and is kept as a part. `psys` lies around everything and is taken only where there is no
 * package. `intel-rapl-mmio` is a second way to the same counters.
 */
export function findRaplMeter(sysRoot = '/sys'): MeterSearch {
  const folder = join(sysRoot, 'class/powercap');
  const withoutRapl = (reason: string) => absentMeter('rapl', reason);
  const zones = zonesIn(folder);
  const packages = zones.some(({ part }) => part === 'package');
  const wanted = zones.filter(({ part }) => part !== 'psys' || !packages);
  if (wanted.length === 0) return withoutRapl('no RAPL in /sys/class/powercap');
  const sources: Source[] = [];
  for (const { entry, part, domain } of wanted) {
    try {
      sources.push(openZone(join(folder, entry), part, domain));
    } catch (error) {
      // A part of the packages is not their energy: all of them or none.
      if (part === 'core') continue;
      for (const source of sources) source.close();
      const closed = ['EACCES', 'EPERM'].includes((error as NodeJS.ErrnoException).code ?? '');
      const file = `/sys/class/powercap/${entry}/energy_uj`;
      return closed
        ? withoutRapl(`RAPL is there but only root may read it: let this user read ${file}`)
        : withoutRapl(`RAPL is there but ${file} cannot be read: ${(error as Error).message}`);
    }
  }
  return { found: true, meter: sourceMeter('rapl', RAPL_PERIOD_SECONDS, sources) };
}

interface Zone {
  readonly entry: string;
  readonly part: RaplPart;
  /** `package-0`, `dram-0`, `core-0`, `psys`. */
  readonly domain: string;
}

function zonesIn(folder: string): readonly Zone[] {
  const entries = orElse(() => readdirSync(folder), []).filter((one) => /^intel-rapl:\d+(:\d+)?$/.test(one));
  return entries.sort().flatMap((entry): Zone[] => {
    const name = systemText(join(folder, entry, 'name')) ?? '';
    // Zones are numbered as they were found: with `psys` as number 1, package 1 is number 2.
    const above = systemText(join(folder, entry.split(':').slice(0, 2).join(':'), 'name')) ?? '';
    const socket = /^package-(\d+(?:-die-\d+)?)$/.exec(above)?.[1];
    if (socket === undefined) return name === 'psys' ? [{ entry, part: 'psys', domain: 'psys' }] : [];
    if (name === above) return [{ entry, part: 'package', domain: name }];
    return name === 'dram' || name === 'core' ? [{ entry, part: name, domain: `${name}-${socket}` }] : [];
  });
}

/** @throws what open(2) says. */
function openZone(folder: string, part: RaplPart, domain: string): Source {
  const quantity = energyQuantity(part === 'core' ? 'partEnergyJoules' : 'energyJoules', domain);
  const joules = fileSource(quantity, join(folder, 'energy_uj'), 1e6);
  const rangeMicrojoules = Number(systemText(join(folder, 'max_energy_range_uj')));
  return unwrapped(joules, rangeMicrojoules / 1e6);
}
