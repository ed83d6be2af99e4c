import type { Arithmetic } from '../../core/work/work.js';
import { type Figure, GIGA, type Hardware, MEBI, type Peaks, publishedAt } from './figure.js';

const epyc7003 = publishedAt(
  'https://www.amd.com/en/products/processors/server/epyc/7003-series/amd-epyc-7763.html',
);
const epyc9004 = publishedAt(
  'https://www.amd.com/en/products/processors/server/epyc/4th-generation-9004-and-8004-series/amd-epyc-9654.html',
);
const epyc9005 = publishedAt(
  'https://www.amd.com/en/products/processors/server/epyc/9005-series/amd-epyc-9755.html',
);
const ryzen7000 = publishedAt(
  'https://www.amd.com/en/products/processors/desktops/ryzen/7000-series/amd-ryzen-9-7950x.html',
);
const xeon8480 = publishedAt(
  'https://www.intel.com/content/www/us/en/products/sku/231746/intel-xeon-platinum-8480-processor-105m-cache-2-00-ghz/specifications.html',
);
const xeon6980 = publishedAt(
  'https://www.intel.com/content/www/us/en/products/sku/240777/intel-xeon-6980p-processor-504m-cache-2-00-ghz/specifications.html',
);
const core13900 = publishedAt(
  'https://www.intel.com/content/www/us/en/products/sku/230496/intel-core-i913900k-processor-36m-cache-up-to-5-80-ghz/specifications.html',
);
const graviton3 = publishedAt('https://en.wikichip.org/wiki/AWS_Graviton3');
const graviton4 = publishedAt('https://chipsandcheese.com/2024/07/22/arms-neoverse-v2-in-awss-graviton-4/');
const graviton4Memory = publishedAt('https://www.anandtech.com/show/21172');

type Publication = ReturnType<typeof publishedAt>;

/** Operations of one core in one cycle, by what multiplies; a multiply and an add are two. */
type PerCycle = Partial<Record<Arithmetic, number>>;

/** Two fused multiply-adds of 256 bits in a cycle: Zen 3 and 4, Neoverse V1 and V2, the P cores of Raptor Lake. */
const TWO_256: PerCycle = { f64: 16, f32: 32 };
/** Zen 4 has dot products of bf16 and int8 in the same units. */
const ZEN_4: PerCycle = { ...TWO_256, bf16: 64, int8: 128 };
/** Two of 512 bits. */
const ZEN_5: PerCycle = { f64: 32, f32: 64, bf16: 128, int8: 256 };
/** Two of 512 bits, and AMX: 1024 operations in bf16 and 2048 in int8 (Intel's optimization manual, chapter AMX). */
const AMX: PerCycle = { f64: 32, f32: 64, bf16: 1024, int8: 2048 };

interface Cores {
  readonly count: number;
  readonly gigahertz: number;
  readonly perCycle: PerCycle;
}

/** Nobody publishes these: cores × base clock × operations per cycle, so that a turbo may exceed them. */
function peaksOf(publication: Publication, { count, gigahertz, perCycle }: Cores): Peaks {
  return Object.fromEntries(
    Object.entries(perCycle).map(([arithmetic, operations]) => [
      arithmetic,
      publication(
        count * gigahertz * GIGA * operations,
        `${count} cores × ${gigahertz} GHz (base) × ${operations} operations per cycle`,
      ),
    ]),
  );
}

interface Cpu {
  readonly id: string;
  readonly name: string;
  readonly aliases: readonly string[];
  readonly publication: Publication;
  readonly memory: Figure;
  readonly cacheMebibytes: number;
  readonly cores: Cores;
  readonly watts: number | null;
}

function cpu({ id, name, aliases, publication, memory, cacheMebibytes, cores, watts }: Cpu): Hardware {
  return {
    id,
    name,
    aliases,
    kind: 'cpu',
    memoryBytes: null,
    memoryBytesPerSecond: memory,
    onChipBytes: publication(cacheMebibytes * MEBI),
    peaks: peaksOf(publication, cores),
    sparsePeaks: {},
    peerBytesPerSecond: null,
    hostBytesPerSecond: null,
    watts: watts === null ? null : publication(watts),
  };
}

const channels = (publication: Publication, count: number, megatransfers: number, kind: string) =>
  publication(count * megatransfers * 8e6, `${count} channels of ${kind}-${megatransfers}, 8 bytes each`);

/** Processors, one socket each, with the fastest memory their makers name. How much memory is the buyer's choice. */
export const CPUS: readonly Hardware[] = [
  cpu({
    id: 'epyc-7763',
    name: 'AMD EPYC 7763',
    aliases: ['amd-epyc-7763', 'milan'],
    publication: epyc7003,
    memory: channels(epyc7003, 8, 3200, 'DDR4'),
    cacheMebibytes: 256,
    cores: { count: 64, gigahertz: 2.45, perCycle: TWO_256 },
    watts: 280,
  }),
  cpu({
    id: 'epyc-9654',
    name: 'AMD EPYC 9654',
    aliases: ['amd-epyc-9654', 'genoa'],
    publication: epyc9004,
    memory: channels(epyc9004, 12, 4800, 'DDR5'),
    cacheMebibytes: 384,
    cores: { count: 96, gigahertz: 2.4, perCycle: ZEN_4 },
    watts: 360,
  }),
  cpu({
    id: 'epyc-9755',
    name: 'AMD EPYC 9755',
    aliases: ['amd-epyc-9755', 'turin'],
    publication: epyc9005,
    memory: channels(epyc9005, 12, 6400, 'DDR5'),
    cacheMebibytes: 512,
    cores: { count: 128, gigahertz: 2.7, perCycle: ZEN_5 },
    watts: 500,
  }),
  cpu({
    id: 'xeon-8480',
    name: 'Intel Xeon Platinum 8480+',
    aliases: ['xeon-platinum-8480+', 'xeon-8480+', 'intel-xeon-8480', 'sapphire-rapids'],
    publication: xeon8480,
    memory: channels(xeon8480, 8, 4800, 'DDR5'),
    cacheMebibytes: 105,
    cores: { count: 56, gigahertz: 2, perCycle: AMX },
    watts: 350,
  }),
  cpu({
    id: 'xeon-6980p',
    name: 'Intel Xeon 6980P',
    aliases: ['intel-xeon-6980p', 'granite-rapids'],
    publication: xeon6980,
    memory: channels(xeon6980, 12, 8800, 'MRDIMM'),
    cacheMebibytes: 504,
    cores: { count: 128, gigahertz: 2, perCycle: { ...AMX, f16: 1024 } },
    watts: 500,
  }),
  cpu({
    id: 'i9-13900k',
    name: 'Intel Core i9-13900K',
    aliases: ['intel_13900k', '13900k', 'core-i9-13900k'],
    publication: core13900,
    memory: channels(core13900, 2, 5600, 'DDR5'),
    cacheMebibytes: 36,
    // The eight P cores: an E core has half the width, and an engine that splits work evenly waits for it.
    cores: { count: 8, gigahertz: 3, perCycle: TWO_256 },
    watts: 253,
  }),
  cpu({
    id: 'ryzen-7950x',
    name: 'AMD Ryzen 9 7950X',
    aliases: ['ryzen-9-7950x', '7950x'],
    publication: ryzen7000,
    memory: channels(ryzen7000, 2, 5200, 'DDR5'),
    cacheMebibytes: 64,
    cores: { count: 16, gigahertz: 4.5, perCycle: ZEN_4 },
    watts: 170,
  }),
  cpu({
    id: 'graviton3',
    name: 'AWS Graviton3',
    aliases: ['aws-graviton3', 'graviton-3'],
    publication: graviton3,
    memory: graviton3(307.2 * GIGA),
    cacheMebibytes: 32,
    cores: { count: 64, gigahertz: 2.6, perCycle: TWO_256 },
    watts: null,
  }),
  cpu({
    id: 'graviton4',
    name: 'AWS Graviton4',
    aliases: ['aws-graviton4', 'graviton-4'],
    publication: graviton4,
    memory: graviton4Memory(536.7 * GIGA),
    cacheMebibytes: 36,
    cores: { count: 96, gigahertz: 2.8, perCycle: TWO_256 },
    watts: null,
  }),
];
