/** The nsq module: what a script can say. The work is done in state.ts and, in the nsq pool, in worker.ts. */
import type { Context } from '../../runtime/context.js';
import { defineModule, fn, type Host, LEVEL, opt, pv, pvTable, strictStr, variable } from '../../runtime/module.js';
import { nsqEncode } from './encode.js';
import { NSQ_EVENT, NSQ_REPLY } from './event.js';
import { jsonValue, pathOf } from './json.js';
import { measures } from './measures.js';
import { params } from './params.js';
import { needsTable, puaPublish } from './pua.js';
import { rpc } from './rpc.js';
import { type NsqParams, nsqSettings } from './settings.js';
import { NSQ, NsqState } from './state.js';
import { escapeCharacter, nsqTransformation } from './transformations.js';

type Params = Readonly<Record<string, unknown>>;

const OK = 1;
const FALSE = -1;

const event = pv(
  "Payload of the event, as received up to a NUL byte; null outside the module's event routes.",
  (ctx) => ctx.extra(NSQ_EVENT)?.text ?? null,
);
const reply = pv(
  'Answer of the last nsq_query of this run; null when it failed.',
  (ctx) => ctx.extra(NSQ_REPLY) ?? null,
);

function failed(ctx: Context, what: string, why: string): typeof FALSE {
  ctx.host.log.write(LEVEL.ERR, 'nsq', `${what}: ${why}`);
  return FALSE;
}

const settingsOf = (given: Params) => nsqSettings(given as NsqParams);

export const nsq = defineModule({
  name: 'nsq',
  doc: 'Consumes, publishes and queries over NSQ: messages run event routes named after two of their fields.',
  params,
  functions: {
    nsq_publish: fn({
      doc: 'Publishes `payload` to `topic`, byte for byte. True once nsqd said OK; the route waits for it, the server does not.',
      args: [strictStr('topic'), strictStr('payload')],
      waits: true,
      example: 'if (!nsq_publish("calls", "$rb")) xlog("not published\\n");',
      async run(ctx, _: Params, topic, payload) {
        const error = await ctx.host.state(NSQ).publish(topic, payload);
        return error === undefined ? OK : failed(ctx, `nsq_publish to ${topic}`, error);
      },
    }),
    nsq_query: fn({
      doc: 'Publishes a JSON object to `topic` and waits for the message that answers it: one with the same Msg-ID, on the topic that the request names in Server-ID. It is put into `target` and `$nqR`.',
      args: [strictStr('topic'), strictStr('payload'), opt(variable('target', { writable: true }))],
      waits: true,
      example:
        'if (nsq_query("directory", "{\\"User\\":\\"$rU\\"}", "$var(answer)")) $ru = $(var(answer){nsq.json,Contact});',
      async run(ctx, _: Params, topic, payload, target) {
        ctx.setExtra(NSQ_REPLY, null);
        const result = await ctx.host.state(NSQ).query(topic, payload);
        if ('error' in result) return failed(ctx, `nsq_query to ${topic}`, result.error);
        ctx.setExtra(NSQ_REPLY, result.reply);
        ctx.onResume = () => void target?.set?.(ctx, result.reply);
        return OK;
      },
    }),
    nsq_json: fn({
      doc: 'Puts the value at `path` of a JSON text into `target`; null when there is none.',
      args: [strictStr('json'), strictStr('path'), variable('target', { writable: true })],
      example: 'nsq_json("$nsqE", "From.URI", "$var(from)");',
      run(ctx, given: Params, json, path, target) {
        const found = jsonValue(ctx, json, pathOf(path, escapeCharacter(given)));
        if (found === null) ctx.host.log.write(LEVEL.ERR, 'nsq', 'nsq_json: the text is no JSON');
        return target.set?.(ctx, found ?? null) === false ? FALSE : OK;
      },
    }),
    nsq_pua_publish: fn({
      doc: 'Takes an event of a phone system (Event-Package dialog, presence or message-summary) into the presentity table of `db_url`, or hands it to the presence module.',
      args: [strictStr('json')],
      waits: true,
      check: (_, env) => needsTable(env),
      example: 'modparam("nsq", "db_url", "text:///var/lib/kamscript")\nnsq_pua_publish($nsqE);',
      run: (ctx, given: Params, json) => puaPublish(ctx, given, json),
    }),
    nsq_encode: fn({
      doc: 'Puts `text`, percent-encoded as by {nsq.encode}, into `target`.',
      args: [strictStr('text'), variable('target', { writable: true })],
      run: (ctx, _: Params, text, target) => (target.set?.(ctx, nsqEncode(text)) === false ? FALSE : OK),
    }),
  },
  pvs: {
    nsqE: event,
    nqE: event,
    nqA: event,
    nsqR: reply,
    nqR: reply,
    nsq: pvTable(
      'What is known of the event beside its payload; null outside event routes. `attempts` counts deliveries from 1.',
      {
        attempts: (ctx) => ctx.extra(NSQ_EVENT)?.attempts ?? null,
        topic: (ctx) => ctx.extra(NSQ_EVENT)?.topic ?? null,
        channel: (ctx) => ctx.extra(NSQ_EVENT)?.channel ?? null,
        nsqd: (ctx) => ctx.extra(NSQ_EVENT)?.nsqd ?? null,
      },
    ),
  },
  transformations: { nsq: nsqTransformation, nq: nsqTransformation },
  rpc,
  events: {
    'nsq:mod-init': 'Once at the start, before anything is consumed.',
    'nsq:consumer-event-*':
      'A message: first the route named after its category and name, then after its category, then after the parameters.',
    'nsq:consumer-event': 'Every message that no other event route takes.',
  },
  check: (given) => settingsOf(given).problems,
  async start(host: Host, given: Params) {
    const state = new NsqState(host, settingsOf(given).settings);
    await state.start();
    return state;
  },
  ready: (host: Host) => host.state(NSQ).ready(),
  reload: (_: Host, state: unknown, given: Params) => (state as NsqState).reconfigure(settingsOf(given).settings),
  rerouted: (_: Host, state: unknown) => (state as NsqState).reconfigure((state as NsqState).settings),
  stop: (_: Host, state: unknown) => (state as NsqState).stop(),
  unready: (_: Host, state: unknown) => (state as NsqState).unready(),
  measures: (_: Host, state: unknown) => measures(state as NsqState),
});
