import { impossible } from '../analysis/impossible.js';
import { hardwareNamed, namesOf, plainName } from '../hardware/catalogue.js';

/**
 * LLM-Viewer's own table of hardware (`hardwares/hardware_params.py`), its rounding and its errors included:
 * H100 with 3072 GB/s where the SXM board has 3350, V100 with an INT8 peak that tensor cores of V100 do not
 * have. Sourced figures are in roofline/hardware.
 */
export interface LlmViewerHardware {
  readonly bandwidthBytesPerSecond: number;
  /** Operations per second in FP16; a multiply and an add are two. */
  readonly fp16: number;
  /** null where LLM-Viewer has no figure. */
  readonly int8: number | null;
  /** The register files, which it takes for the memory that flash attention tiles into. */
  readonly onChipBytes: number;
}

const GIGA = 1e9;
const TERA = 1e12;

const device = (
  gigabytesPerSecond: number,
  fp16: number,
  int8: number | null,
  onChipBytes: number,
): LlmViewerHardware => ({
  bandwidthBytesPerSecond: gigabytesPerSecond * GIGA,
  fp16: fp16 * TERA,
  int8: int8 === null ? null : int8 * TERA,
  onChipBytes,
});

const A100_40G = device(1555, 312, 624, 27_648e3);
const A100_80G = device(2039, 312, 624, 27_648e3);
const H100_SXM = device(3072, 1979 / 2, 1979, 33_792e3);

/** By the names that LLM-Viewer's users type. */
export const LLM_VIEWER_HARDWARE: ReadonlyMap<string, LlmViewerHardware> = new Map([
  ['nvidia_V100', device(900, 112, 62, 20_480e3)],
  ['nvidia_A6000', device(768, 154.8, 309.7, 21_504e3)],
  ['nvidia_A6000_Ada', device(960, 364.2, 728.5, 36_352e3)],
  ['nvidia_A100', A100_40G],
  ['nvidia_A100_40G', A100_40G],
  ['nvidia_A100_80G', A100_80G],
  ['nvidia_A800_80G_SXM', A100_80G],
  ['nvidia_A40', device(696, 149.7, 299.3, 21_504e3)],
  ['nvidia_H100', H100_SXM],
  ['nvidia_H100_SXM', H100_SXM],
  ['nvidia_H100_PCIe', device(2048, 756.5, 1513, 29_184e3)],
  ['nvidia_L40', device(864, 181, 362, 36_352e3)],
  // Eight cores at 5.4 GHz with 32 operations a cycle; without an INT8 figure.
  ['intel_13900k', device(89.6, (8 * 5.4e9 * 32) / TERA, null, 36e6)],
]);

/**
 * @returns the entry for a name of LLM-Viewer's own, or for a device that both it and the catalogue have.
 * @throws FailureError `impossible-combination` for one that it does not have
 */
export function requireLlmViewerHardware(name: string): LlmViewerHardware {
  const device = hardwareNamed(name);
  const names = [name, ...(device === null ? [] : namesOf(device))].map(plainName);
  for (const [own, entry] of LLM_VIEWER_HARDWARE) {
    if (names.includes(plainName(own))) return entry;
  }
  throw impossible(
    `LLM-Viewer has no device ${JSON.stringify(name)}`,
    'Use corrected mode, or one of its devices: `ridge roofline --list` shows them.',
  );
}
