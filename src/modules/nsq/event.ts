/** What a run of an nsq event route knows beside its fake request. */
import { extraKey } from '../../runtime/context.js';

export interface NsqEvent {
  /** Payload up to its first NUL, latin1. */
  readonly text: string;
  readonly attempts: number;
  readonly topic: string;
  readonly channel: string;
  /** `host:port` of the nsqd that delivered it. */
  readonly nsqd: string;
}

export const NSQ_EVENT = extraKey<NsqEvent>('nsq event');
/** Answer of the last nsq_query of this run; null: it failed. */
export const NSQ_REPLY = extraKey<string | null>('nsq reply');
