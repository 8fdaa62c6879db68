/** Variables that parameters of the module name, bound once for each version of the script. */
import type { Context } from '../../runtime/context.js';
import { bindVariable } from '../../runtime/format.js';
import { type BindEnv, type PvAccessor, toText } from '../../runtime/module.js';
import type { CallSettings } from './call.js';
import { bindMos } from './mos.js';

export interface VariableParams {
  readonly extra_id_pv: string;
  readonly setid_avp: string;
  readonly rtp_inst_pvar: string;
  readonly read_sdp_pv: string;
  readonly write_sdp_pv: string;
  readonly media_duration: string;
}

const NAMES = ['extra_id_pv', 'setid_avp', 'rtp_inst_pvar', 'read_sdp_pv', 'write_sdp_pv', 'media_duration'] as const;
type Name = (typeof NAMES)[number];
const WRITTEN: ReadonlySet<Name> = new Set(['rtp_inst_pvar', 'write_sdp_pv', 'media_duration']);

const bound = new WeakMap<object, ReadonlyMap<Name, PvAccessor>>();

/** The text says what is wrong with one of them. */
export function bindVariables(env: BindEnv): string | undefined {
  const params = env.params('rtpengine') as unknown as VariableParams;
  if (bound.has(params)) return undefined;
  const out = new Map<Name, PvAccessor>();
  for (const name of NAMES) {
    if (params[name] === '') continue;
    const found = bindVariable(params[name], env);
    if ('error' in found) return `${name}: ${found.error}`;
    if (WRITTEN.has(name) && found.ok.set === undefined) return `${name}: ${params[name]} cannot be written`;
    out.set(name, found.ok);
  }
  bound.set(params, out);
  return bindMos(env);
}

type Variables = Omit<CallSettings, 'queried_nodes_limit' | 'setid_default'> & {
  readonly setDuration: ((ctx: Context, ms: number) => void) | undefined;
};

export function variablesOf(params: VariableParams): Variables {
  const all = bound.get(params);
  const reader = (name: Name) => {
    const get = all?.get(name)?.get;
    return get === undefined ? undefined : (ctx: Context) => toText(get(ctx));
  };
  const writer = (name: Name) => {
    const set = all?.get(name)?.set;
    return set === undefined ? undefined : (ctx: Context, value: string) => void set(ctx, value);
  };
  const duration = writer('media_duration');
  const setId = all?.get('setid_avp')?.get;
  return {
    extraId: reader('extra_id_pv'),
    setId:
      setId === undefined
        ? undefined
        : (ctx) => {
            const value = setId(ctx);
            return typeof value === 'number' || value === null ? value : value === undefined ? null : toText(value);
          },
    tellInstance: writer('rtp_inst_pvar'),
    readSdp: reader('read_sdp_pv'),
    writeSdp: writer('write_sdp_pv'),
    setDuration: duration === undefined ? undefined : (ctx, ms) => duration(ctx, `${ms}`),
  };
}
