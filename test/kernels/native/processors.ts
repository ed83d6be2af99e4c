/**
 * Processors, by the words of their /proc/cpuinfo that concern us, and what a core of each does at best in a
 * cycle: a multiply and an add are two operations. Kernels are listed best first; of what no source tells the
 * figure, it is null.
 */
export interface Processor {
  readonly name: string;
  readonly architecture: 'x64' | 'arm64';
  readonly features: string;
  /** Of the ops' kernels, which go by bundles (kernels/cpu/levels.h). */
  readonly level: string;
  readonly peaks: Peaks;
  /** Where the figures come from. */
  readonly source: string;
}

type Peaks = Readonly<Record<'f32' | 'bf16' | 'f16' | 'int8', Readonly<Record<string, number | null>>>>;

/** Arithmetic that is left out has no kernels. */
type Described = Omit<Processor, 'architecture' | 'peaks'> & { readonly peaks: Partial<Peaks> };

const NONE: Peaks = { f32: {}, bf16: {}, f16: {}, int8: {} };

const AVX2 = 'avx f16c fma movbe popcnt abm bmi1 avx2 bmi2';
const AVX512 = `${AVX2} avx512f avx512dq avx512cd avx512bw avx512vl`;
const ICE_LAKE = `${AVX512} avx512vbmi avx512_vbmi2 avx512_vnni avx512_bitalg avx512_vpopcntdq`;
const ASIMD = 'fp asimd aes pmull sha1 sha2 crc32 atomics fphp asimdhp asimdrdm lrcpc dcpop asimddp ssbs';

const UOPS = 'uops.info (ports of VFMADD231PS, VPMADDUBSW, VPMADDWD, VPADDD, VPDPBUSD)';
/**
 * Two ports multiply, three add: 3 instructions for a dot product take 1 cycle in 256 bits, 1.5 in 512 bits
 * on the two ports left.
 */
const SKYLAKE_BYTES = { avx512bw: 85.3, avx2: 64 } as const;

const X64: readonly Described[] = [
  {
    name: 'Nehalem',
    features: 'sse4_1 sse4_2 popcnt',
    level: 'scalar',
    peaks: {},
    source: 'no AVX: what every x86-64 has',
  },
  {
    name: 'Haswell',
    features: AVX2,
    level: 'avx2',
    peaks: { f32: { avx2: 32 }, int8: { avx2: 32 } },
    source: `${UOPS}: FMA on p0 and p1, products of bytes on p0 alone`,
  },
  {
    name: 'Broadwell',
    features: `${AVX2} adx rdseed`,
    level: 'avx2',
    peaks: { f32: { avx2: 32 }, int8: { avx2: 32 } },
    source: `${UOPS}: as Haswell`,
  },
  {
    name: 'Skylake-X (two 512-bit FMA units)',
    features: AVX512,
    level: 'avx512',
    peaks: { f32: { avx512f: 64, avx2: 32 }, int8: SKYLAKE_BYTES },
    source: `${UOPS}: p0 (with p1) and p5 in 512 bits, p0 and p1 in 256`,
  },
  {
    name: 'Cascade Lake',
    features: `${AVX512} avx512_vnni`,
    level: 'avx512',
    peaks: { f32: { avx512f: 64, avx2: 32 }, int8: { avx512_vnni: 256, ...SKYLAKE_BYTES } },
    source: `${UOPS}: VPDPBUSD of 512 bits on p0 and p5; Intel: four times the multiply-adds of f32`,
  },
  {
    name: 'Cooper Lake',
    features: `${AVX512} avx512_vnni avx512_bf16`,
    level: 'avx512',
    peaks: {
      f32: { avx512f: 64, avx2: 32 },
      bf16: { avx512_bf16: null },
      int8: { avx512_vnni: 256, ...SKYLAKE_BYTES },
    },
    source: `${UOPS}, as Cascade Lake; nobody there measured VDPBF16PS on it`,
  },
  {
    name: 'Ice Lake-SP',
    features: ICE_LAKE,
    level: 'avx512vnni',
    peaks: { f32: { avx512f: 64, avx2: 32 }, int8: { avx512_vnni: 256, ...SKYLAKE_BYTES } },
    source: `${UOPS}: as Cascade Lake`,
  },
  {
    name: 'Sapphire Rapids, Emerald Rapids',
    features: `${ICE_LAKE} avx_vnni avx512_bf16 avx512_fp16 amx_bf16 amx_tile amx_int8`,
    level: 'amx',
    peaks: {
      f32: { avx512f: 64, avx2: 32 },
      bf16: { amx_bf16: 1024, avx512_bf16: 32 },
      f16: { avx512_fp16: 128 },
      int8: { amx_int8: 2048, avx512_vnni: 256, avx_vnni: 128, ...SKYLAKE_BYTES },
    },
    source:
      'Intel 64 and IA-32 Architectures Optimization Reference Manual, AMX: a tile product every 16 cycles, 2048 operations of int8 and 1024 of bf16 a ' +
      'cycle; vectors measured on an Emerald Rapids with this library (of f32’s rate: int8 4.0, f16 2.0, VDPBF16PS 0.5)',
  },
  {
    name: 'Sapphire Rapids whose system withholds the tiles',
    features: `${ICE_LAKE} avx_vnni avx512_bf16 avx512_fp16`,
    level: 'avx512bf16',
    peaks: {
      f32: { avx512f: 64, avx2: 32 },
      bf16: { avx512_bf16: 32 },
      f16: { avx512_fp16: 128 },
      int8: { avx512_vnni: 256, avx_vnni: 128, ...SKYLAKE_BYTES },
    },
    source: 'as Sapphire Rapids: features are what the system lets programs use',
  },
  {
    name: 'AMX of int8 alone',
    features: `${AVX512} amx_tile amx_int8`,
    level: 'avx512',
    peaks: { f32: { avx512f: 64, avx2: 32 }, int8: { amx_int8: 2048, ...SKYLAKE_BYTES } },
    source: 'no such processor: each instruction set stands alone',
  },
  {
    name: 'Alder Lake (P core)',
    features: `${AVX2} avx_vnni`,
    level: 'avx2',
    peaks: { f32: { avx2: 32 }, int8: { avx_vnni: 128, avx2: 64 } },
    source: `${UOPS}: VPDPBUSD of 256 bits on p0 and p1`,
  },
  {
    name: 'Arrow Lake (P core), with AVX-VNNI-INT8',
    features: `${AVX2} avx_vnni avx_vnni_int8 avx_ne_convert`,
    level: 'avx2',
    peaks: { f32: { avx2: 32 }, int8: { avx_vnni: 128, avx2: 64 } },
    source: 'as Alder Lake; VPDPBSSD multiplies other signs, as many at a time',
  },
  {
    name: 'Zen 2',
    features: AVX2,
    level: 'avx2',
    peaks: { f32: { avx2: 32 }, int8: { avx2: 32 } },
    source: `${UOPS}; Agner Fog, instruction tables: FMA on two pipes of 256 bits, integer products on one`,
  },
  {
    name: 'Zen 3',
    features: AVX2,
    level: 'avx2',
    peaks: { f32: { avx2: 32 }, int8: { avx2: 64 } },
    source: `${UOPS}; Agner Fog, instruction tables: integer products on two pipes`,
  },
  {
    name: 'Zen 4',
    features: `${ICE_LAKE} avx512_bf16`,
    level: 'avx512bf16',
    peaks: {
      f32: { avx512f: 32, avx2: 32 },
      bf16: { avx512_bf16: 64 },
      int8: { avx512_vnni: 128, avx512bw: 64, avx2: 64 },
    },
    source:
      'AMD, Software Optimization Guide for the Zen 4 microarchitecture: 512 bits in two passes of 256; measured: f32 519, bf16 1,042, int8 2,046 Gop/s of two CPUs',
  },
  {
    name: 'Zen 5 (512-bit data paths)',
    features: `${ICE_LAKE} avx_vnni avx512_bf16`,
    level: 'avx512bf16',
    peaks: {
      f32: { avx512f: 64, avx2: 32 },
      bf16: { avx512_bf16: 128 },
      int8: { avx512_vnni: 256, avx_vnni: 128, avx512bw: 128, avx2: 64 },
    },
    source:
      'AMD, Software Optimization Guide for the Zen 5 microarchitecture: two FMA pipes of 512 bits; uops.info',
  },
];

const ARM64: readonly Described[] = [
  {
    name: 'Cortex-A72 (Raspberry Pi 4)',
    features: 'fp asimd evtstrm crc32 cpuid',
    level: 'neon',
    peaks: { f32: { asimd: 8 } },
    source: 'Arm Cortex-A72 Software Optimization Guide: a 128-bit FMLA a cycle',
  },
  {
    name: 'Graviton 2 (Neoverse N1)',
    features: ASIMD,
    level: 'dotprod',
    peaks: { f32: { asimd: 16 }, f16: { asimdhp: 32 }, int8: { asimddp: 64 } },
    source: 'Arm Neoverse N1 Software Optimization Guide: two pipes of 128 bits for FMLA and SDOT',
  },
  {
    name: 'Graviton 3 (Neoverse V1)',
    features: `${ASIMD} sve svei8mm svebf16 i8mm bf16`,
    level: 'i8mm',
    peaks: {
      f32: { asimd: 32 },
      bf16: { bf16: 128 },
      f16: { asimdhp: 64 },
      int8: { i8mm: 256, asimddp: 128 },
    },
    source:
      'Arm Neoverse V1 Software Optimization Guide, as LLVM’s AArch64SchedNeoverseV1.td has it: four pipes of 128 bits for FMLA, SDOT, SMMLA and BFMMLA',
  },
  {
    name: 'i8mm without bf16',
    features: `${ASIMD} i8mm`,
    level: 'dotprod',
    peaks: { f32: { asimd: null }, f16: { asimdhp: null }, int8: { i8mm: null, asimddp: null } },
    source: 'no processor in particular: each instruction set stands alone',
  },
  {
    name: 'Apple M1 (Firestorm)',
    features: `${ASIMD} sha3 sha512 asimdfhm dit flagm flagm2 frint`,
    level: 'dotprod',
    peaks: { f32: { asimd: 32 }, f16: { asimdhp: 64 }, int8: { asimddp: 128 } },
    source: 'Dougall Johnson, Firestorm SIMD and FP instructions: four pipes of 128 bits for FMLA and SDOT',
  },
  {
    name: 'Apple M2',
    features: `${ASIMD} sha3 sha512 asimdfhm dit flagm flagm2 frint i8mm bf16 bti ecv`,
    level: 'i8mm',
    peaks: {
      f32: { asimd: 32 },
      bf16: { bf16: null },
      f16: { asimdhp: 64 },
      int8: { i8mm: null, asimddp: 128 },
    },
    source: 'as M1; nobody we know of measured SMMLA and BFMMLA on it',
  },
];

const on = (architecture: Processor['architecture']) => (one: Described) => ({
  ...one,
  architecture,
  peaks: { ...NONE, ...one.peaks },
});

export const PROCESSORS: readonly Processor[] = [...X64.map(on('x64')), ...ARM64.map(on('arm64'))];
