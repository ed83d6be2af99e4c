// Writes engines/native/gen/kernels.ts from the headers of kernels/. Usage: write-kernel-bindings.ts FOLDER
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { kernelBindings, kernelHeaders } from './kernel-bindings.js';

const folder = process.argv[2];
if (folder === undefined) throw new Error('usage: write-kernel-bindings.ts FOLDER');
mkdirSync(folder, { recursive: true });
writeFileSync(join(folder, 'kernels.ts'), kernelBindings(kernelHeaders()));
