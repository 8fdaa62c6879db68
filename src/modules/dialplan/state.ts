/** What the module keeps: the rules, and the variable for their attributes. */
import { environment } from '../../runtime/evaluate.js';
import { bindVariable } from '../../runtime/format.js';
import { type BindResult, type Host, type PvAccessor, stateKey } from '../../runtime/module.js';
import { bindInOut, type InOut } from './args.js';
import { type DialplanParams, type Dialplans, loadRules } from './rules.js';

export const DIALPLAN = stateKey<DialplanState>('dialplan');

export class DialplanState {
  readonly #host: Host;
  params: DialplanParams;
  plans: Dialplans = new Map();
  attrs: PvAccessor | undefined;
  /** Seconds since the epoch; 0: never. */
  reloadedAt = 0;

  constructor(host: Host, params: DialplanParams) {
    this.#host = host;
    this.params = params;
  }

  /** What dp_translate() works on where no variables are given. */
  ownUser: InOut = NOTHING;

  /** Reads the rules; where that fails the old ones stay. Rejects with a DbError. */
  async load(): Promise<void> {
    this.plans = await loadRules(this.#host, this.params);
    const env = environment(this.#host.program, this.#host.vars);
    const name = this.params.attrs_pvar;
    this.attrs = name ? found(bindVariable(name, env, { quoted: true })) : undefined;
    this.ownUser = found(bindInOut('$rU/$rU', env)) ?? NOTHING;
  }
}

/** Where module pv is not loaded there is no `$rU`. */
const NOTHING: InOut = { input: { get: () => null }, output: undefined };

function found<T>(bound: BindResult<T>): T | undefined {
  return 'ok' in bound ? bound.ok : undefined;
}
