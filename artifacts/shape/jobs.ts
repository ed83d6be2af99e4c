import type { Job } from '../../process/isolation/job.js';
import type { Learned } from '../../process/isolation/learned.js';
import type { CutRequest } from './cut-layers.js';
import type { GroupingRequest } from './group-heads.js';
import type { WindowRequest } from './window.js';

/** Writes a copy of a model with fewer K/V heads. */
export const GROUP_HEADS: Job<GroupingRequest, Learned> = {
  name: 'group-heads',
  what: 'the grouping of heads',
  async run(request) {
    const { groupHeads } = await import('./group-heads.js');
    return { warnings: [], facts: await groupHeads(request) };
  },
};

/** Writes a copy of a model whose layers see a window of tokens. */
export const GIVE_WINDOW: Job<WindowRequest, Learned> = {
  name: 'give-window',
  what: 'the writing of the windowed model',
  async run(request) {
    const { giveWindow } = await import('./window.js');
    return { warnings: [], facts: await giveWindow(request) };
  },
};

/** Writes a copy of a model whose later layers are left out. */
export const CUT_LAYERS: Job<CutRequest, Learned> = {
  name: 'cut-layers',
  what: 'the writing of the model with fewer layers',
  async run(request) {
    const { cutLayers } = await import('./cut-layers.js');
    return { warnings: [], facts: await cutLayers(request) };
  },
};
