/** Where the metrics of a server are. */
import { type StateKey, stateKey } from '../../runtime/module.js';
import type { Metrics } from './metrics.js';

export const METRICS: StateKey<Metrics> = stateKey<Metrics>('xhttp_prom');
