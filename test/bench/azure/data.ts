import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { cacheFolder } from '../../../engines/native/engines/location.js';

/**
 * Azure VM Noise Dataset 2024 (Freischuetz, Kanellis, Kroth & Venkataraman, "TUNA: Tuning Unstable and Noisy
 * Cloud Applications", EuroSys 2025; CC-BY 4.0): benchmarks repeated on virtual machines for 483 days, every
 * one of them once in about two hours.
 */
const FILES_AT = 'https://raw.githubusercontent.com/Azure/AzurePublicDataset';
const COMMIT = 'b469a113cedca53ddc3bdea71a143dc4b7d8700c';
/**
 * SHA-256 of the files that are read here, one after the other in the order of FILES. Each begins with HEAD.
 */
const DIGEST = '612079807a0b7f13ae4edf9a52ef5a3275a35f67e0040687f4c8bbce9a2a4d78';
const HEAD = 'value,runtime,starttime,VM_id\n';

/**
 * What is measured there of processors, of memory and of two programs, with the unit as the file is called:
 * all of them rates.
 */
const BENCHMARKS: readonly (readonly [suite: string, test: string, unit: string])[] = [
  ['Stress-NG', 'Test:_CPU_Cache', 'Bogo Ops_s'],
  ['Stress-NG', 'Test:_CPU_Stress', 'Bogo Ops_s'],
  ['Stress-NG', 'Test:_Matrix_Math', 'Bogo Ops_s'],
  ['Stress-NG', 'Test:_Memory_Copying', 'Bogo Ops_s'],
  ['Sysbench', 'Test:_RAM__Memory', 'MiB_sec'],
  ['perf-bench', 'Benchmark:_Memcpy_1MB', 'GB_sec'],
  ['perf-bench', 'Benchmark:_Memset_1MB', 'GB_sec'],
  ['Intel_Memory_Latency_Checker', 'Test:_Max_Bandwidth_-_All_Reads', 'MiB_s'],
  ['Intel_Memory_Latency_Checker', 'Test:_Max_Bandwidth_-_Stream-Triad_Like', 'MiB_s'],
  ['Redis', 'Test:_GET_-_Parallel_Connections:_50', 'Requests Per Second'],
  ['Redis', 'Test:_SET_-_Parallel_Connections:_50', 'Requests Per Second'],
  ['PostgreSQL', 'Scaling_Factor:_2500_-_Clients:_25_-_Mode:_Read_Only', 'TPS'],
];
/**
 * `long`: twelve machines that ran all the time; `short`: tens of thousands, each of which ran every
 * benchmark once.
 */
const LIFESPANS = ['long', 'short'] as const;
const REGIONS = ['eastus', 'westus2'] as const;
const SIZES = ['B8ms', 'D8s_v5'] as const;

/** One benchmark in a place (region and size of machines), in the order of time. */
export interface Series {
  /** Milliseconds since 1970. */
  readonly at: Float64Array;
  readonly values: Float64Array;
  /** Number of the machine within the place. */
  readonly machines: Int32Array;
}

/** Machines of one size in one region. */
export interface Place {
  readonly name: string;
  /** Benchmark by benchmark, of each of the machines that stayed. */
  readonly staying: readonly (readonly Series[])[];
  /** Benchmark by benchmark, of machines that ran it once. */
  readonly fresh: readonly Series[];
}

const FILES = LIFESPANS.flatMap((lifespan) =>
  REGIONS.flatMap((region) =>
    SIZES.flatMap((size) =>
      BENCHMARKS.map(
        ([suite, test, unit]) =>
          `vm-noise-data/test_suite=${suite}/test_name=${test}/vm_lifespan=${lifespan}/vm_region=${region}/vm_sku=${size}/unit=${unit}.csv`,
      ),
    ),
  ),
);

/** @throws Error with a sentence where the data cannot be had, or are not those that are meant. */
export async function azurePlaces(clone: string | undefined): Promise<readonly Place[]> {
  const all = await cached(clone);
  const series = all.toString('latin1').split(HEAD).slice(1).map(readSeries);
  const of = (lifespan: (typeof LIFESPANS)[number], place: number) => {
    const from = (LIFESPANS.indexOf(lifespan) * REGIONS.length * SIZES.length + place) * BENCHMARKS.length;
    return series.slice(from, from + BENCHMARKS.length);
  };
  return REGIONS.flatMap((region, r) =>
    SIZES.map((size, s): Place => {
      const place = r * SIZES.length + s;
      const long = of('long', place);
      const machines = [...new Set(long[0]!.machines)].sort((a, b) => a - b);
      return {
        name: `${size} in ${region}`,
        staying: machines.map((machine) => long.map((one) => ofMachine(one, machine))),
        fresh: of('short', place),
      };
    }),
  );
}

async function cached(clone: string | undefined): Promise<Buffer> {
  const folder = join(cacheFolder(), 'bench');
  const file = join(folder, 'azure-vm-noise.csv');
  if (existsSync(file)) {
    const kept = readFileSync(file);
    if (digestOf(kept) === DIGEST) return kept;
  }
  const all = Buffer.concat(await (clone === undefined ? downloaded() : readFrom(clone)));
  const digest = digestOf(all);
  if (digest !== DIGEST)
    throw new Error(`the files have the digest ${digest}, and those that are meant ${DIGEST}`);
  mkdirSync(folder, { recursive: true });
  writeFileSync(`${file}.part`, all);
  renameSync(`${file}.part`, file);
  return all;
}

const digestOf = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex');

async function downloaded(): Promise<Buffer[]> {
  const files: Buffer[] = [];
  for (const path of FILES) {
    const address = `${FILES_AT}/${COMMIT}/${path.split('/').map(encodeURIComponent).join('/')}`;
    const answer = await fetch(address).catch((error: Error) => {
      throw new Error(
        `${address} does not answer (${(error.cause as Error | undefined)?.message ?? error.message})`,
      );
    });
    if (!answer.ok) throw new Error(`${address} answers with ${answer.status}`);
    files.push(Buffer.from(await answer.arrayBuffer()));
  }
  return files;
}

function readFrom(clone: string): Buffer[] {
  return FILES.map((path) => {
    const words = ['-C', clone, 'cat-file', 'blob', `${COMMIT}:${path}`];
    const { status, stdout } = spawnSync('git', words, { maxBuffer: 2 ** 26 });
    if (status !== 0) throw new Error(`${clone} is no clone that has commit ${COMMIT}`);
    return stdout;
  });
}

function readSeries(text: string): Series {
  const rows = text
    .trim()
    .split('\n')
    .map((line) => line.split(','))
    .map(
      ([value, , at, machine]) =>
        [Number(value), Date.parse(`${at!.replace(' ', 'T')}Z`), Number(machine)] as const,
    )
    .filter(([value, at]) => value > 0 && Number.isFinite(at))
    .sort((a, b) => a[1] - b[1]);
  return {
    values: Float64Array.from(rows, ([value]) => value),
    at: Float64Array.from(rows, ([, at]) => at),
    machines: Int32Array.from(rows, ([, , machine]) => machine),
  };
}

function ofMachine({ at, values, machines }: Series, machine: number): Series {
  const own = [...machines.keys()].filter((i) => machines[i] === machine);
  return {
    at: Float64Array.from(own, (i) => at[i]!),
    values: Float64Array.from(own, (i) => values[i]!),
    machines: Int32Array.from(own, () => machine),
  };
}
