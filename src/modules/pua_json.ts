/** Module pua_json: an event of a phone system, as JSON, becomes a document of module presence. */
import { type JsonC, parseLenient, stringOf } from '../runtime/json-c.js';
import { defineModule, fn, intParam, LEVEL, type RouteContext, str } from '../runtime/module.js';
import { presenceUpdate } from './nsq/presence.js';
import { PRESENCE } from './presence/state.js';

interface Params {
  readonly pua_include_entity: number;
}

const text = (root: JsonC, name: string): string =>
  root instanceof Map ? (stringOf(root.get(name) ?? null) ?? '') : '';

/** 1, whatever becomes of it, as in Kamailio; -1 where it is no JSON. */
async function publish({ host }: RouteContext, { pua_include_entity }: Params, json: string): Promise<number> {
  const error = (what: string): void => host.log.write(LEVEL.ERR, 'pua_json', `${what}\n`);
  const root = parseLenient(json);
  if (root === undefined) {
    error('the text is no JSON');
    return -1;
  }
  const now = Math.floor(host.clock.now() / 1000);
  const update = presenceUpdate((name) => text(root, name), { targets: pua_include_entity !== 0, now });
  if (update.kind === 'incomplete') error(update.why);
  if (update.kind !== 'row') return 1;
  const { row } = update;
  if (row.etag === '' || row.sender === '') {
    error('missing one of Call-ID / From');
    return 1;
  }
  try {
    await host.state(PRESENCE).replacePresentity(row, ['event', 'domain', 'username', 'etag']);
  } catch (e) {
    error(e instanceof Error ? e.message : String(e));
  }
  return 1;
}

export const puaJson = defineModule({
  name: 'pua_json',
  doc: 'Takes events of a phone system, as JSON, into module presence. `nsq_pua_publish` does the same for events that come over NSQ.',
  params: {
    pua_include_entity: intParam(1, '0: documents about dialogs name no targets.'),
  },
  needs: ['presence'],
  functions: {
    pua_json_publish: fn({
      doc: 'An event with `Event-Name` update and `Event-Package` dialog, presence or message-summary becomes a document, in the place of the one with the same Call-ID. -1 where the text is no JSON.',
      args: [str('json')],
      waits: true,
      run: (ctx, params: Params, json) => publish(ctx, params, json),
    }),
  },
});
