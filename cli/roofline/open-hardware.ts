import { type Ceilings, publishedCeilings } from '../../roofline/ceilings.js';
import { hardwareNamed, namesOf, plainName, requireHardware } from '../../roofline/hardware/catalogue.js';
import { LLM_VIEWER_HARDWARE, type LlmViewerHardware } from '../../roofline/llm-viewer/hardware.js';

/** @throws FailureError `device-missing` that offers the nearest name */
export function openCeilings(name: string): Ceilings {
  return publishedCeilings(requireHardware(name));
}

/** @returns the entry of LLM-Viewer's own table for a name of it, or for a device that both have; null where it has none. */
export function openLlmViewerHardware(name: string): LlmViewerHardware | null {
  const device = hardwareNamed(name);
  const names = [name, ...(device === null ? [] : namesOf(device))].map(plainName);
  for (const [own, entry] of LLM_VIEWER_HARDWARE) {
    if (names.includes(plainName(own))) return entry;
  }
  return null;
}
