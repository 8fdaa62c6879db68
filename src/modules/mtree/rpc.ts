/** Management commands of mtree. */
import { DbError } from '../../runtime/database.js';
import { type Host, LEVEL, type RpcDefinition, RpcFault, type RpcValue } from '../../runtime/module.js';
import { type LoadedTree, MTREE } from './state.js';
import { TREE } from './tree.js';

/** Trees whose name begins with what the caller gave; without a name or with a dot all. */
function wanted(args: readonly RpcValue[]): (name: string) => boolean {
  const head = args[0] === undefined || String(args[0]).startsWith('.') ? '' : String(args[0]);
  return (name) => name.startsWith(head);
}

function trees(host: Host, none: string): LoadedTree[] {
  const all = [...host.state(MTREE).trees.values()];
  if (all.length === 0) throw new RpcFault(500, none);
  return all;
}

function summary({ name, tree, reloads, loaded }: LoadedTree): RpcValue {
  const { memsize, nrnodes, nritems } = tree.figures;
  return {
    table: name,
    item: { ttype: tree.type, memsize, nrnodes, nritems, reload_count: reloads, reload_time: loaded },
  };
}

async function reload(host: Host, args: readonly RpcValue[]): Promise<RpcValue> {
  const state = host.state(MTREE);
  const named = state.isNamedByTable;
  try {
    const count = await state.load(wanted(args));
    if (count === 0 && !named) throw new RpcFault(500, 'Can not find specified Mtree');
    return named ? 'Ok. Mtrees reloaded.' : 'Ok. Mtree reloaded.';
  } catch (e) {
    if (!(e instanceof DbError)) throw e;
    if (host.log.level >= LEVEL.ERR) host.log.write(LEVEL.ERR, 'mtree', e.message);
    throw new RpcFault(500, named ? 'Can not reload Mtrees from database.' : 'Mtree Reload Failed');
  }
}

function match(host: Host, args: readonly RpcValue[]): RpcValue {
  const all = trees(host, 'Empty tree list.');
  const [name, text, mode] = args;
  if (name === undefined || typeof text !== 'string' || typeof mode !== 'number')
    throw new RpcFault(500, 'Invalid Parameters');
  if (mode !== 0 && mode !== 2) throw new RpcFault(500, "Invalid parameter 'mode'");
  const found = all.find((t) => t.name === String(name));
  if (found === undefined) throw new RpcFault(404, 'Tree not found');
  const records = matches(found, text, mode);
  if (records.length === 0) throw new RpcFault(404, 'Prefix not found');
  return [found.name, ...records];
}

function matches({ tree }: LoadedTree, text: string, mode: number): RpcValue[] {
  if (tree.type === TREE.WEIGHTS) {
    const { prefix, list } = tree.destinations(text);
    return list.map(({ id, weight }) => ({ PREFIX: prefix, WEIGHT: weight, DSTID: id }));
  }
  if (mode === 2) return tree.all(text).map(({ prefix, value }) => ({ PREFIX: prefix, TVALUE: value }));
  const found = tree.longest(text);
  return found === undefined ? [] : [{ PREFIX: text.slice(0, found.walked), TVALUE: found.value }];
}

export const rpc: Readonly<Record<string, RpcDefinition>> = {
  'mtree.summary': {
    doc: 'Size of the trees: [NAME].',
    returnsArray: true,
    run(host, args) {
      const found = trees(host, 'Empty tree list').filter(({ name }) => name.startsWith(String(args[0] ?? '')));
      if (found.length === 0) throw new RpcFault(404, 'Tree not found');
      return found.map(summary);
    },
  },
  'mtree.reload': { doc: 'Loads trees from the database again: [NAME].', run: reload },
  'mtree.match': { doc: 'What a text matches: TREE TEXT MODE, mode 0 or 2.', returnsArray: true, run: match },
  'mtree.list': {
    doc: 'All prefixes with their values: [NAME].',
    returnsArray: true,
    run: (host, args) =>
      trees(host, 'Empty tree list.')
        .filter(({ name }) => wanted(args)(name))
        .flatMap(({ name, tree }) =>
          [...tree.entries()].map(({ prefix, values }) => ({ tname: name, tprefix: prefix, tvalue: [...values] })),
        ),
  },
};
