/** Kamailio's mtree: values of prefixes from a database table, found by the longest match. */
import { bindVariable } from '../../runtime/format.js';
import {
  type ArgDefinition,
  type BindEnv,
  type BindResult,
  type BoundArg,
  defineModule,
  fn,
  int,
  intParam,
  listParam,
  type PvAccessor,
  type RouteContext,
  str,
  strParam,
} from '../../runtime/module.js';
import { rpc } from './rpc.js';
import { parseTreeSpec, parseTrees } from './spec.js';
import { MTREE, type MtreeParams, MtreeState } from './state.js';
import { TREE } from './tree.js';

/** Variables that take what a match gives. */
interface Outputs {
  readonly value: PvAccessor;
  readonly values: Avp;
  readonly dstid: Avp;
  readonly weight: Avp;
  readonly count: PvAccessor;
}

/** An AVP to which values are added. */
interface Avp {
  readonly one: PvAccessor;
  readonly all: PvAccessor;
}

function writable(text: string, what: string, env: BindEnv): BindResult<PvAccessor> {
  const bound = bindVariable(text, env, { quoted: true });
  if ('ok' in bound && bound.ok.set !== undefined) return bound;
  return { error: `cannot parse ${what} pv or pv is read-only: ${text}` };
}

function avp(text: string, what: string, env: BindEnv): BindResult<Avp> {
  const name = /^\$avp\((.*)\)$/s.exec(text)?.[1];
  const one = bindVariable(text, env, { quoted: true });
  const all = bindVariable(`$(avp(${name})[*])`, env, { quoted: true });
  if (name === undefined || 'error' in one || 'error' in all) return { error: `cannot parse ${what} avp: ${text}` };
  return { ok: { one: one.ok, all: all.ok } };
}

function outputs(env: BindEnv): BindResult<Outputs> {
  const params = env.params('mtree') as unknown as MtreeParams;
  const value = writable(params.pv_value, 'value', env);
  if ('error' in value) return value;
  const values = avp(params.pv_values, 'values', env);
  if ('error' in values) return values;
  const dstid = avp(params.pv_dstid, 'dstid', env);
  if ('error' in dstid) return dstid;
  const weight = avp(params.pv_weight, 'weight', env);
  if ('error' in weight) return weight;
  const count = writable(params.pv_count, 'count', env);
  if ('error' in count) return count;
  return { ok: { value: value.ok, values: values.ok, dstid: dstid.ok, weight: weight.ok, count: count.ok } };
}

interface TreeUse extends Outputs {
  readonly name: string;
}

/** The name of a tree, and with it the variables, which are bound where the script is. */
function treeName(): ArgDefinition<TreeUse, false> {
  const kind = str('tree');
  return {
    ...kind,
    bind(source, env): BindResult<BoundArg<TreeUse>> {
      const out = outputs(env);
      if ('error' in out) return out;
      const name = kind.bind(source, env);
      if ('error' in name) return name;
      if (name.ok.kind === 'constant') return { ok: { kind: 'constant', value: { ...out.ok, name: name.ok.value } } };
      const { get } = name.ok;
      return {
        ok: {
          kind: 'fallible',
          get(ctx) {
            const text = get(ctx);
            return typeof text === 'symbol' ? text : { ...out.ok, name: text };
          },
        },
      };
    },
  };
}

/** Mode that gives all values, not only that of the longest prefix. */
const ALL = 2;

function match(ctx: RouteContext, use: TreeUse, text: string, mode: number): number {
  const tree = ctx.host.state(MTREE).trees.get(use.name)?.tree;
  if (tree === undefined) return -1;
  if (tree.type === TREE.WEIGHTS) {
    const { found, list } = tree.destinations(text);
    if (found === 0) return -1;
    for (const { id, weight } of list) {
      use.weight.one.set?.(ctx, weight);
      use.dstid.one.set?.(ctx, id);
    }
    use.count.set?.(ctx, found);
    return 1;
  }
  if (mode === ALL) {
    use.values.all.set?.(ctx, null);
    const all = tree.all(text);
    for (const { value } of all) use.values.one.set?.(ctx, value);
    return all.length > 0 ? 1 : -1;
  }
  const longest = tree.longest(text);
  if (longest === undefined) return -1;
  return use.value.set?.(ctx, longest.value) === false ? -1 : 1;
}

export const mtree = defineModule({
  name: 'mtree',
  doc: 'Trees of prefixes loaded from a database: mt_match() gives the value of the longest prefix of a text.',
  params: {
    mtree: listParam('Defines a tree: "name=rates;dbtable=rates;type=0;multi=0;cols=prefix,value".', (text) => {
      const spec = parseTreeSpec(text);
      return 'error' in spec ? spec.error : undefined;
    }),
    db_url: strParam('mysql://kamailio:kamailiorw@localhost/kamailio', 'The database.'),
    db_table: strParam('', 'Table of all trees, where the parameter mtree defines none.'),
    tname_column: strParam('tname', 'Column with the name of a tree.'),
    tprefix_column: strParam('tprefix', 'Column with the prefix.'),
    tvalue_column: strParam('tvalue', 'Column with the value.'),
    char_list: strParam('0123456789', 'Characters that prefixes consist of.', (text) =>
      text === '' ? 'invalid prefix char list' : undefined,
    ),
    fetch_rows: intParam(1000, 'Rows fetched at once; without effect here.'),
    pv_value: strParam('$avp(s:tvalue)', 'Variable that takes the value.'),
    pv_values: strParam('$avp(s:tvalues)', 'AVP that takes all values in mode 2.'),
    pv_dstid: strParam('$avp(s:tdstid)', 'AVP that takes the ids of a tree of weights.'),
    pv_weight: strParam('$avp(s:tweight)', 'AVP that takes the weights.'),
    pv_count: strParam('$avp(s:tcount)', 'Variable that takes how many destinations there are.'),
    mt_tree_type: intParam(0, 'Type of the trees of db_table: 0 text, 1 weights, 2 numbers.', (n) =>
      n < 0 || n > 2 ? `unknown tree type <${n}>` : undefined,
    ),
    mt_ignore_duplicates: intParam(0, '1: a prefix that comes again is left out.'),
    mt_allow_duplicates: intParam(0, '1: a prefix may have several values.'),
  },
  functions: {
    mt_match: fn({
      doc: 'Finds the longest prefix of a text in a tree. Mode 2: all values of all its prefixes.',
      args: [treeName(), str('text'), int('mode')],
      routes: ['request', 'failure', 'branch', 'reply'],
      run: (ctx, _params: unknown, use, text, mode) => match(ctx, use, text, mode),
      example:
        'modparam("mtree", "db_url", "text:///tmp")\nmodparam("mtree", "mtree", "name=rates;dbtable=rates")\nif (mt_match("rates", "$rU", "0")) xlog("$avp(s:tvalue)\\n");',
    }),
  },
  rpc,
  check(params) {
    const { mtree: trees, db_table } = params as unknown as MtreeParams;
    const { errors } = parseTrees(trees);
    if (trees.length === 0 && db_table === '') errors.push('no trees table defined');
    return errors;
  },
  async start(host, params): Promise<MtreeState> {
    const state = new MtreeState(host, params as unknown as MtreeParams);
    await state.load();
    return state;
  },
  async reload(_host, state, params) {
    const trees = state as MtreeState;
    trees.configure(params as unknown as MtreeParams);
    await trees.load();
  },
});
