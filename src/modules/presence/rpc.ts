/** RPC commands of module presence. */
import { coreCaseHash } from '../../runtime/corehash.js';
import { type Host, type RpcDefinition, RpcFault, type RpcValue } from '../../runtime/module.js';
import { cleanSubscriptions } from './notify.js';
import type { Presentity } from './presentity.js';
import { cleanPresentities } from './publish.js';
import { REFRESH, refreshWatchers, updateWatchers } from './refresh.js';
import { PRESENCE } from './state.js';
import { cleanWatchers } from './timers.js';

const text = (v: RpcValue | undefined): string => (v === undefined || v === null ? '' : String(v));

async function cleanup(host: Host): Promise<RpcValue> {
  const presence = host.state(PRESENCE);
  await cleanWatchers(presence);
  await cleanPresentities(presence);
  await cleanSubscriptions(presence);
  return 'Reload OK';
}

async function refresh(host: Host, args: readonly RpcValue[]): Promise<undefined> {
  const [uri, event, type, fileUri, fileName] = args;
  if (args.length < 3) throw new RpcFault(500, 'Not enough parameters');
  if (text(uri) === '') throw new RpcFault(500, 'Empty presentity URI');
  if (text(event) === '') throw new RpcFault(500, 'Empty event parameter');
  const hard = { fileUri: text(fileUri), fileName: text(fileName) };
  if (Number(type) === REFRESH.DOCUMENT) {
    if (args.length < 5) throw new RpcFault(500, 'No file uri or name parameters');
    if (hard.fileUri === '') throw new RpcFault(500, 'Empty file uri parameter');
    if (hard.fileName === '') throw new RpcFault(500, 'Empty file name parameter');
  }
  const done = await refreshWatchers(host.state(PRESENCE), text(uri), text(event), Number(type), hard);
  if (!done) throw new RpcFault(500, 'Execution failed');
  return undefined;
}

async function update(host: Host, args: readonly RpcValue[]): Promise<undefined> {
  const [uri, event] = args;
  if (args.length < 2) throw new RpcFault(500, 'Not enough parameters');
  if (text(uri) === '') throw new RpcFault(500, 'Empty presentity URI');
  if (text(event) === '') throw new RpcFault(500, 'Empty event parameter');
  const done = await updateWatchers(host.state(PRESENCE), text(uri), text(event));
  if (!done) throw new RpcFault(500, 'Processing error');
  return undefined;
}

function listed(p: Presentity, full: boolean): RpcValue {
  const { user, domain, event, etag, sender, expires } = p;
  const short = { user, domain, event, etag, sender, expires };
  if (!full) return short;
  const { receivedTime, priority, ruid, body } = p;
  return { ...short, received_time: receivedTime, priority, ruid, body, hashid: coreCaseHash(user, domain) | 0 };
}

export const rpc: Readonly<Record<string, RpcDefinition>> = {
  'presence.cleanup': { doc: 'Looks for what has expired now, and takes it away.', run: cleanup },
  'presence.refreshWatchers': {
    doc: 'As pres_refresh_watchers(): URI, event, type, and for type 2 the URI and name of a file.',
    run: refresh,
  },
  'presence.updateWatchers': {
    doc: 'As pres_update_watchers(): asks the rules of a presentity anew about each watcher.',
    run: update,
  },
  'presence.presentity_list': {
    doc: 'The published documents; `full`: with their text.',
    returnsArray: true,
    async run(host, args) {
      const all = await host.state(PRESENCE).presentities.every();
      return all.map((p) => listed(p, args[0] === 'full'));
    },
  },
};
