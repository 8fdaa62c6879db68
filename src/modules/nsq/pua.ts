/** nsq_pua_publish(): an event of a phone system becomes a row of the presentity table. */
import { type JsonC, parseLenient, stringOf } from '../../runtime/json-c.js';
import { type BindEnv, LEVEL, type RouteContext } from '../../runtime/module.js';
import { presenceUpdate } from './presence.js';
import { NSQ } from './state.js';

type Params = Readonly<Record<string, unknown>>;

/** Refuses the call at load where nothing would take the row. */
export function needsTable(env: BindEnv): string | undefined {
  const { db_url: url, pua_mode: mode } = env.params('nsq');
  if (mode !== 1 || (typeof url === 'string' && url !== '') || Object.keys(env.params('presence')).length > 0)
    return undefined;
  return 'it needs modparam("nsq", "db_url", …), or the presence module loaded before';
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
    const sink = await ctx.host.state(NSQ).presentities();
    await sink.replacePresentity(update.row, update.key);
  } catch (error) {
    ctx.host.log.write(LEVEL.ERR, 'nsq', `nsq_pua_publish: ${error instanceof Error ? error.message : String(error)}`);
  }
  return 1;
}

const field = (root: JsonC, name: string): string =>
  root instanceof Map ? (stringOf(root.get(name) ?? null) ?? '') : '';
