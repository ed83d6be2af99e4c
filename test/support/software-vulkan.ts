import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { vi } from 'vitest';

/** Where `scripts/install-software-vulkan.sh` put Mesa's driver and llama.cpp's backend for CI. */
const ENVIRONMENT = join(process.env.RIDGEPOINT_SOFTWARE_VULKAN ?? '/opt/ridgepoint-vulkan', 'environment');

/** Tests of llama.cpp's Vulkan backend are skipped without it. */
export const hasSoftwareVulkan = existsSync(ENVIRONMENT);

/** @returns the variables by which a process finds it, with so many devices of the one that there is. */
export function softwareVulkan(devices = 1): Record<string, string> {
  const lines = readFileSync(ENVIRONMENT, 'utf8').matchAll(/^export (\w+)=(.*)$/gm);
  const variables = Object.fromEntries([...lines].map(([, name = '', value = '']) => [name, value]));
  return { ...variables, GGML_VK_VISIBLE_DEVICES: Array(devices).fill(0).join(',') };
}

/** Children of this process find it from now on. */
export function showSoftwareVulkan(devices?: number): void {
  for (const [name, value] of Object.entries(softwareVulkan(devices))) vi.stubEnv(name, value);
}
