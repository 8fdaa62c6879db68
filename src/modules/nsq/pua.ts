/** nsq_pua_publish(): hands a presence update over to the presence module, which keeps the table and tells the watchers. */
import { type JsonC, parseLenient, stringOf } from '../../runtime/json-c.js';
import { type BindEnv, LEVEL, type RouteContext, stateKey } from '../../runtime/module.js';
import { type PresenceUpdate, type PresentityRow, presenceUpdate } from './presence.js';

/** What the state of the presence module has to offer for it. */
export interface PresentitySink {
  /** Puts `row` in the place of the rows that have the same of the columns in `key`, and notifies. Rejects when it cannot. */
  replacePresentity(row: PresentityRow, key: (PresenceUpdate & { readonly kind: 'row' })['key']): Promise<void>;
}
const PRESENCE = stateKey<PresentitySink>('presence');

type Params = Readonly<Record<string, unknown>>;

/** Refuses the call at load where nothing would take the row. */
export function needsPresence(env: BindEnv): string | undefined {
  const loaded = Object.keys(env.params('presence')).length > 0;
  return loaded ? undefined : 'it needs the presence module, which is not loaded';
}

/** As in the C module: false when it is switched off or the text is no JSON, else true, whatever becomes of it. */
export async function puaPublish(ctx: RouteContext, params: Params, json: string): Promise<number> {
  if (params.pua_mode !== 1) return -1;
  const root = parseLenient(json);
  if (root === undefined) {
    ctx.host.log.write(LEVEL.ERR, 'nsq', 'nsq_pua_publish: the text is no JSON');
    return -1;
  }
  const now = Math.floor(ctx.host.clock.now() / 1000);
  const update = presenceUpdate((name) => field(root, name), { targets: params.pua_include_entity !== 0, now });
  if (update.kind === 'incomplete') ctx.host.log.write(LEVEL.ERR, 'nsq', `nsq_pua_publish: ${update.why}`);
  if (update.kind !== 'row') return 1;
  try {
    await ctx.host.state(PRESENCE).replacePresentity(update.row, update.key);
  } catch (error) {
    ctx.host.log.write(LEVEL.ERR, 'nsq', `nsq_pua_publish: ${error instanceof Error ? error.message : String(error)}`);
  }
  return 1;
}

const field = (root: JsonC, name: string): string =>
  root instanceof Map ? (stringOf(root.get(name) ?? null) ?? '') : '';
