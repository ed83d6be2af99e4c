import { type Figure, GIGA, type Hardware, publishedAt, teraPeaks } from './figure.js';

const newsroom = (path: string) => publishedAt(`https://www.apple.com/newsroom/${path}/`);
const m1 = newsroom('2020/11/apple-unleashes-m1');
const m1Max = newsroom('2021/10/introducing-m1-pro-and-m1-max-the-most-powerful-chips-apple-has-ever-built');
const m1Ultra = newsroom(
  '2022/03/apple-unveils-m1-ultra-the-worlds-most-powerful-chip-for-a-personal-computer',
);
const m2 = newsroom('2022/06/apple-unveils-m2-with-breakthrough-performance-and-capabilities');
const m2Max = newsroom(
  '2023/01/apple-unveils-m2-pro-and-m2-max-next-generation-chips-for-next-level-workflows',
);
const m2Ultra = newsroom('2023/06/apple-introduces-m2-ultra');
const m3Specs = publishedAt('https://support.apple.com/en-us/117735');
const m3MaxSpecs = publishedAt('https://support.apple.com/en-us/117737');
const m3Ultra = newsroom('2025/03/apple-reveals-m3-ultra-taking-apple-silicon-to-a-new-extreme');
const m4 = newsroom('2024/05/apple-introduces-m4-chip');
const m4Max = newsroom('2024/10/apple-introduces-m4-pro-and-m4-max');

type Publication = ReturnType<typeof publishedAt>;

/**
 * One chip: GPU and CPU share memory. Apple published the f32 rate of its GPUs up to M2 and none since; a
 * chip without it has times that memory allows, and a note that says so.
 */
function chip(
  name: string,
  memory: Publication,
  [gigabytes, gigabytesPerSecond]: readonly [number, number],
  f32: Figure | null,
): Hardware {
  const word = name.toLowerCase().replaceAll(' ', '-');
  return {
    id: word,
    name: `Apple ${name}`,
    aliases: [`apple-${word}`],
    kind: 'soc',
    memoryBytes: memory(gigabytes * GIGA, 'the largest configuration'),
    memoryBytesPerSecond: memory(gigabytesPerSecond * GIGA),
    onChipBytes: null,
    peaks: f32 === null ? {} : { f32 },
    sparsePeaks: {},
    peerBytesPerSecond: null,
    hostBytesPerSecond: null,
    watts: null,
  };
}

const tera = (publication: Publication, value: number) => teraPeaks(publication, { f32: value }).f32 ?? null;

export const APPLE: readonly Hardware[] = [
  chip('M1', m1, [16, 68.25], tera(m1, 2.6)),
  chip('M1 Pro', m1Max, [32, 200], tera(m1Max, 5.2)),
  chip('M1 Max', m1Max, [64, 400], tera(m1Max, 10.4)),
  chip('M1 Ultra', m1Ultra, [128, 800], tera(m1Ultra, 21)),
  chip('M2', m2, [24, 100], tera(m2, 3.6)),
  chip('M2 Pro', m2Max, [32, 200], null),
  chip('M2 Max', m2Max, [96, 400], null),
  chip('M2 Ultra', m2Ultra, [192, 800], null),
  chip('M3', m3Specs, [24, 100], null),
  chip('M3 Max', m3MaxSpecs, [128, 400], null),
  chip('M3 Ultra', m3Ultra, [512, 819], null),
  chip('M4', m4, [16, 120], null),
  chip('M4 Pro', m4Max, [64, 273], null),
  chip('M4 Max', m4Max, [128, 546], null),
];
