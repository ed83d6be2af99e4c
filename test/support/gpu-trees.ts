/** Files below /sys of GPUs that have no library of their own here. */

const GIGABYTE = 2 ** 30;

/** @param watts what its power sensor says. */
export function amdCard(
  card: number,
  pciAddress: string,
  watts: number,
  {
    power = 'power1_average',
    temperatures = { temp1_input: '45000', temp2_input: '52000' },
  }: { power?: string; temperatures?: Readonly<Record<string, string>> } = {},
): Record<string, string> {
  const device = `class/drm/card${card}/device`;
  const hwmon = `${device}/hwmon/hwmon${card + 3}`;
  return {
    [`class/drm/card${card}-DP-1/status`]: 'connected\n',
    [`${device}/vendor`]: '0x1002\n',
    [`${device}/device`]: '0x740f\n',
    [`${device}/product_name`]: 'AMD Instinct MI210\n',
    [`${device}/uevent`]: `DRIVER=amdgpu\nPCI_ID=1002:740F\nPCI_SLOT_NAME=${pciAddress}\n`,
    [`${device}/mem_info_vram_total`]: `${64 * GIGABYTE}\n`,
    [`${device}/mem_info_vram_used`]: `${3 * GIGABYTE}\n`,
    [`${device}/gpu_busy_percent`]: '87\n',
    [`${hwmon}/name`]: 'amdgpu\n',
    [`${hwmon}/freq1_input`]: '1700000000\n',
    [`${hwmon}/${power}`]: `${watts * 1e6}\n`,
    ...Object.fromEntries(
      Object.entries(temperatures).map(([file, text]) => [`${hwmon}/${file}`, `${text}\n`]),
    ),
  };
}

/**
 * @param counters microjoules by the label of the counter; the label null is that of i915, which has none.
 */
export function intelCard(
  card: number,
  pciAddress: string,
  counters: readonly (readonly [label: string | null, microjoules: number])[],
): Record<string, string> {
  const device = `class/drm/card${card}/device`;
  const hwmon = `${device}/hwmon/hwmon${card + 3}`;
  return {
    [`${device}/vendor`]: '0x8086\n',
    [`${device}/device`]: '0x56a0\n',
    [`${device}/uevent`]: `DRIVER=i915\nPCI_ID=8086:56A0\nPCI_SLOT_NAME=${pciAddress}\n`,
    [`${device}/resource`]: [
      '0x00000000a0000000 0x00000000a0ffffff 0x0000000000140204',
      '0x0000000000000000 0x0000000000000000 0x0000000000000000',
      '0x0000006000000000 0x00000063ffffffff 0x000000000014220c',
      '',
    ].join('\n'),
    [`class/drm/card${card}/gt_act_freq_mhz`]: '2050\n',
    ...(counters.length === 0 ? {} : { [`${hwmon}/name`]: 'i915\n', [`${hwmon}/temp1_input`]: '51000\n' }),
    ...Object.fromEntries(
      counters.flatMap(([label, microjoules], i) => [
        [`${hwmon}/energy${i + 1}_input`, `${microjoules}\n`],
        ...(label === null ? [] : [[`${hwmon}/energy${i + 1}_label`, `${label}\n`]]),
      ]),
    ),
  };
}
