import { toFailure } from '../../core/errors.js';
import { installEngine } from '../../engines/native/engines/install.js';
import type { EnginePart } from '../../engines/native/packages.js';
import { fromFailure } from '../exit.js';
import { printData, say } from '../output/print.js';

/** `ridge engines install PART`: fetches a part of llama.cpp, or ONNX Runtime; its folder goes to stdout. */
export async function installPart(part: EnginePart): Promise<void> {
  try {
    const { folder, fetched } = await installEngine(part, { onLine: say });
    printData(folder);
    if (!fetched) say('was installed already');
  } catch (error) {
    throw fromFailure(toFailure(error));
  }
}
