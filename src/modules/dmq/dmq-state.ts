/** What a server keeps for module dmq. */
import { stateKey } from '../../runtime/module.js';
import type { Bus } from './bus.js';
import type { HtablePeer } from './htable-peer.js';
import type { Life } from './life.js';
import type { WorkPool } from './pool.js';
import type { Reception } from './reception.js';

export interface DmqState {
  readonly bus: Bus;
  readonly life: Life;
  readonly reception: Reception;
  readonly pool: WorkPool | undefined;
  htable: HtablePeer | undefined;
}

export const DMQ = stateKey<DmqState>('dmq');
