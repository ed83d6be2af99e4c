import { openCollector } from '../../native/collector.js';
import { type EngineDevice, loadLlama } from '../../native/llama.js';
import type { ObservedPlace, Observer } from '../observer.js';
import { describeDevices, devicesFor, openModel } from './load.js';
import { openObserved } from './observed.js';
import { settingsOf } from './settings.js';
import { LlamaVocabulary } from './vocabulary.js';

/** Loads llama.cpp to be looked into. */
export async function observe(place: ObservedPlace): Promise<Observer> {
  const llama = await loadLlama({ backend: 'shipped', deviceClass: place.deviceClass });
  let opened: Promise<readonly EngineDevice[]> | null = null;
  const open = async () =>
    place.cpuReason === undefined ? await devicesFor(llama, place, { ...place, tensorSplit: null }) : [];
  const devices = () => {
    opened ??= open();
    return opened;
  };
  return {
    async devices() {
      const found = await devices();
      if (found.length === 0) return null;
      const allKnown = found.every(({ memoryBytes }) => memoryBytes > 0);
      const freeBytes = allKnown ? found.reduce((sum, device) => sum + device.freeBytes, 0) : null;
      return { name: describeDevices(found), freeBytes };
    },
    withVocabulary(modelPath, work) {
      const model = openModel(llama, modelPath, settingsOf({}, 1), [], true);
      try {
        return work(new LlamaVocabulary(llama, model));
      } finally {
        llama.functions.llama_model_free(model);
      }
    },
    openCollector: (options) => openCollector(llama, options),
    openModel: async (request) => openObserved(llama, request, await devices()),
    // llama.cpp src/models: `cb(cur, "l_out", il)`; an architecture that has no node of this name goes on to
    // its end.
    blockOutput: (block) => `l_out-${block}`,
  };
}
