import { importKoffi } from '../koffi.js';
/**
 * Energy counters of Apple's chips through IOReport, opened through koffi. It is not a public interface:
 * Apple's own powermetrics is built on it, it needs no privilege, and its channels differ between chips, so
 * each names its unit.
 */
export interface IoReport {
  readonly channels: readonly IoChannel[];
  /**
   * @returns joules of every channel since the system began, in their order; null when nothing is answered.
   */
  joules(): readonly number[] | null;
  close(): void;
}

export interface IoChannel {
  /** `CPU Energy`, `GPU Energy`, `DRAM`, `DIE_1_CPU Energy`, … */
  readonly name: string;
}

export type IoReportSearch =
  | { readonly found: true; readonly ioReport: IoReport }
  | { readonly found: false; readonly reason: string };

export interface IoReportLibraries {
  readonly ioReport: string;
  readonly coreFoundation: string;
}

const LIBRARIES: IoReportLibraries = {
  ioReport: '/usr/lib/libIOReport.dylib',
  coreFoundation: '/System/Library/Frameworks/CoreFoundation.framework/CoreFoundation',
};
const GROUP = 'Energy Model';
/** CFString.h: kCFStringEncodingUTF8. */
const UTF8 = 0x08000100;
const JOULES: Readonly<Record<string, number>> = { mJ: 1e-3, uJ: 1e-6, nJ: 1e-9 };
const NAME_BYTES = 128;

/** @returns the channels with energy, or the reason why there are none. */
export async function openIoReport(libraries: IoReportLibraries = LIBRARIES): Promise<IoReportSearch> {
  try {
    const koffi = await importKoffi();
    const core = koffi.load(libraries.coreFoundation);
    return found(bind(koffi.load(libraries.ioReport), core));
  } catch (error) {
    return { found: false, reason: `IOReport cannot be opened: ${(error as Error).message}` };
  }
}

type Handle = bigint | number;
type Native = ReturnType<typeof bind>;
interface Library {
  func(prototype: string): (...args: unknown[]) => unknown;
}

const TEXT = 'uint64_t CFStringCreateWithCString(void *allocator, const char *text, uint32_t encoding)';
const CHANNELS =
  'uint64_t IOReportCopyChannelsInGroup(uint64_t group, uint64_t subgroup, uint64_t a, uint64_t b, uint64_t c)';
const SUBSCRIPTION =
  'uint64_t IOReportCreateSubscription(void *a, uint64_t channels, void *subscribed, uint64_t id, void *b)';
const SAMPLES = 'uint64_t IOReportCreateSamples(uint64_t subscription, uint64_t subscribed, void *a)';

/** Everything that CoreFoundation counts is a 64-bit handle here. */
function bind(report: Library, core: Library) {
  const handle = (lib: Library, prototype: string) => lib.func(prototype) as (...args: unknown[]) => Handle;
  return {
    text: handle(core, TEXT),
    bytes: core.func('bool CFStringGetCString(uint64_t text, void *room, long size, uint32_t encoding)'),
    value: handle(core, 'uint64_t CFDictionaryGetValue(uint64_t dictionary, uint64_t key)'),
    count: core.func('long CFArrayGetCount(uint64_t array)'),
    at: handle(core, 'uint64_t CFArrayGetValueAtIndex(uint64_t array, long index)'),
    release: core.func('void CFRelease(uint64_t object)'),
    channelsIn: handle(report, CHANNELS),
    subscribe: handle(report, SUBSCRIPTION),
    sample: handle(report, SAMPLES),
    name: handle(report, 'uint64_t IOReportChannelGetChannelName(uint64_t channel)'),
    unit: handle(report, 'uint64_t IOReportChannelGetUnitLabel(uint64_t channel)'),
    integer: report.func('int64_t IOReportSimpleGetIntegerValue(uint64_t channel, int32_t index)'),
  };
}

function found(native: Native): IoReportSearch {
  const withoutIoReport = (reason: string): IoReportSearch => ({ found: false, reason });
  const group = native.text(null, GROUP, UTF8);
  const key = native.text(null, 'IOReportChannels', UTF8);
  const channels = native.channelsIn(group, 0, 0, 0, 0);
  native.release(group);
  if (!channels) return withoutIoReport(`this system has no IOReport channels "${GROUP}"`);
  const subscribedRoom = Buffer.alloc(8);
  const subscription = native.subscribe(null, channels, subscribedRoom, 0, null);
  const subscribed = subscribedRoom.readBigUInt64LE();
  const close = () => {
    for (const object of [subscription, subscribed, channels, key]) if (object) native.release(object);
  };
  if (!subscription) {
    close();
    return withoutIoReport('IOReport gives no subscription');
  }
  /** Hands every channel of a new sample to `take`. */
  const mapChannels = <T>(take: (channel: Handle, index: number) => T): T[] | null => {
    const sample = native.sample(subscription, subscribed, null);
    if (!sample) return null;
    const list = native.value(sample, key);
    const length = list ? Number(native.count(list)) : 0;
    const taken = Array.from({ length }, (_, index) => take(native.at(list, index), index));
    native.release(sample);
    return taken;
  };
  const described = mapChannels((channel) => ({
    name: textOf(native, native.name(channel)),
    scale: JOULES[textOf(native, native.unit(channel))] ?? null,
  }));
  const numbered = (described ?? []).map((one, index) => ({ ...one, index }));
  const known = numbered.flatMap(({ scale, ...one }) => (scale === null ? [] : [{ ...one, scale }]));
  if (known.length === 0) {
    close();
    return withoutIoReport('no IOReport channel gives energy in a unit that is known here');
  }
  const joules = () => {
    const values = mapChannels((channel) => Number(native.integer(channel, 0)));
    return values === null ? null : known.map(({ index, scale }) => (values[index] ?? Number.NaN) * scale);
  };
  return { found: true, ioReport: { channels: known, joules, close } };
}

function textOf(native: Native, text: Handle): string {
  const room = Buffer.alloc(NAME_BYTES);
  if (!text || !native.bytes(text, room, NAME_BYTES, UTF8)) return '';
  return room.toString('utf8', 0, room.indexOf(0)).trim();
}
