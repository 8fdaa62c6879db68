/** Values of the core's global parameters (language.md, section 11), defaults filled in. */
import { CORE_PARAMS } from '../../parser/core-params.js';
import type { ListenAddress } from '../../parser/tree.js';
import type { Ipv6Style } from '../../sip/ip.js';
import type { Proto } from '../../sip/transport.js';

export interface CoreSettings {
  readonly debug: number;
  readonly listen: readonly ListenAddress[];
  readonly alias: readonly ListenAddress[];
  readonly maxWhileLoops: number;
  readonly maxRecursiveLevel: number;
  readonly maxBranches: number;
  /** Every parameter by its canonical name, those above too. */
  readonly values: ReadonlyMap<string, number | string>;
  /** What is worked out of `values` when it is first asked for (forward.ts); dropped when one of them changes. */
  facts?: CoreFacts | undefined;
}

/** What every message needs of the core's settings. */
export interface CoreFacts {
  readonly localRport: boolean;
  readonly advertisedHost: string | null;
  readonly advertisedPort: number;
  readonly udpMtu: number;
  readonly mtuProto: Proto | undefined;
  readonly onsendReply: boolean;
  readonly checkVia: boolean;
  /** force_rport, local_rport: of every message. */
  readonly forceRport: boolean;
  readonly receivedRport: boolean;
  readonly receivedRoute: boolean;
  readonly ipv6Style: Ipv6Style;
  /** A name in the Via is held against the names of the source (rev_dns). */
  readonly reverseVia: boolean;
  readonly replyToVia: boolean;
  readonly sipWarning: boolean;
  /** The `Server` line of own replies without its line end; '' for none. */
  readonly serverHeader: string;
  /** Log level and limit (microseconds) of the time of a block; 0: all are told. */
  readonly latencyCfgLog: number;
  readonly latencyLimitCfg: number;
  /** Log level of slow actions and queries. */
  readonly latencyLog: number;
  /** Microseconds; 0: queries are not measured. */
  readonly latencyLimitDb: number;
}

/** Defaults of every core parameter, by canonical name. */
export function coreDefaults(): ReadonlyMap<string, number | string> {
  return DEFAULTS;
}

const DEFAULTS: ReadonlyMap<string, number | string> = new Map(
  CORE_PARAMS.flatMap((p) => (p.default === undefined ? [] : [[p.name, p.default] as const])),
);
