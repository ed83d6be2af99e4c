/**
 * `memory-child.ts FOLDER OUTPUT`: converts, and prints the most memory that was ever resident (Linux) and
 * the seconds.
 */
import { readFileSync } from 'node:fs';
import { safetensorsToGguf } from '../../../artifacts/conversions/safetensors-to-gguf/converter.js';

const [inputPath = '', outputPath = ''] = process.argv.slice(2);
const began = performance.now();
await safetensorsToGguf.convert({ inputPath, outputPath, type: 'f16', dequantize: false }, () => {});
const seconds = (performance.now() - began) / 1000;
const peakBytes =
  Number(/VmHWM:\s+(\d+)/.exec(readFileSync('/proc/self/status', 'utf8'))?.[1] ?? Number.NaN) * 1024;
console.log(JSON.stringify({ peakBytes, seconds }));
