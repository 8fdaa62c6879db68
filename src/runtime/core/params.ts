/** Values of the core's global parameters (language.md, section 11), defaults filled in. */
import { CORE_PARAMS } from '../../parser/core-params.js';
import type { ListenAddress } from '../../parser/tree.js';

export interface CoreSettings {
  readonly debug: number;
  readonly listen: readonly ListenAddress[];
  readonly alias: readonly ListenAddress[];
  readonly maxWhileLoops: number;
  readonly maxRecursiveLevel: number;
  readonly maxBranches: number;
  /** Every parameter by its canonical name, those above too. */
  readonly values: ReadonlyMap<string, number | string>;
}

/** Defaults of every core parameter, by canonical name. */
export function coreDefaults(): ReadonlyMap<string, number | string> {
  return DEFAULTS;
}

const DEFAULTS: ReadonlyMap<string, number | string> = new Map(
  CORE_PARAMS.flatMap((p) => (p.default === undefined ? [] : [[p.name, p.default] as const])),
);
