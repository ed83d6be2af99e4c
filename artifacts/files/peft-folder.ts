import { withoutEnding } from '../../core/models/formats.js';

/** @returns where the PEFT folder of an adapter that was trained here lies: beside its GGUF file. */
export function besideGguf(path: string): string {
  return `${withoutEnding(path)}.peft`;
}
