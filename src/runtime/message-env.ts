/** What lives as long as a message or its transaction: AVPs and XAVPs (variables.md, section 4). */
import type { Value } from './values.js';

export interface Avp {
  value: Value;
  /** setavpflag bits. */
  flags: number;
}

export class MessageEnv {
  /** By name: `s:name` (lower case) or `i:5`; newest first. */
  readonly avps: Map<string, Avp[]> = new Map();
  /** Roots newest first. */
  readonly xavps: Map<string, Xavp[]> = new Map();
  readonly xavus: Map<string, Xavu> = new Map();
  /** Names in lower case. */
  readonly xavis: Map<string, Xavp[]> = new Map();
}

/** A value, or fields by name, newest first. */
export type Xavp = { value: Value } | { fields: Map<string, Xavp[]> };
export type Xavu = { value: Value } | { fields: Map<string, Value> };
