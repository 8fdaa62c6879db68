/** The blocks that a SIP message, or a message of the DMQ bus, tries in order, and its way through the script. */
import { DMQ } from '../../modules/dmq/index.js';
import type { Program } from '../../runtime/program.js';
import type { Run, ScriptUnderTest } from '../../testing/index.js';
import type { Explained } from './explain.js';

interface Step {
  readonly name: string;
  readonly place: string | null;
  readonly runs: boolean;
  readonly why: string;
}

export interface KdmqMessage {
  readonly peer: string;
  readonly body: string;
  readonly contentType: string;
  readonly from: string;
}

/** Plays a SIP message in the kit; nothing leaves it. */
export async function explainRequest(s: ScriptUnderTest, text: string, from: string): Promise<Explained> {
  const isReply = /^\s*SIP\/2\.0 /.test(text);
  const run = await (isReply ? s.reply(text, { from }) : s.request(text, { from }));
  const steps = blocksBefore(s.program, run, isReply);
  return explained(`${text.trimStart().split(/\r?\n/)[0]} from ${from}`, steps, run);
}

/** Plays a KDMQ request in the kit. */
export async function explainKdmq(s: ScriptUnderTest, message: KdmqMessage): Promise<Explained> {
  const { peer, body, contentType, from } = message;
  const run = await s.kdmq(body, { peer, contentType, from });
  const handled = run.calls.find((c) => /^dmq_(?:handle|process)_message$/.test(c.name));
  const steps = [...blocksBefore(s.program, run, false), ...peers(s, peer, run, handled?.code)];
  return explained(`KDMQ for the peer ${peer} from ${from}`, steps, run);
}

function blocksBefore(program: Program, run: Run, isReply: boolean): Step[] {
  const event = (name: string, when: string): Step => step(program, 'event', name, run, when);
  return [
    event('core:msg-received', 'before a message is read, with received_route_mode=1'),
    event('core:pre-routing', 'before the main block'),
    step(
      program,
      isReply ? 'reply' : 'request',
      '',
      run,
      isReply ? 'of every reply, before its transaction has its own' : 'of every request',
    ),
  ];
}

function step(program: Program, table: 'event' | 'request' | 'reply', name: string, run: Run, why: string): Step {
  const title = table === 'event' ? `event_route[${name}]` : table === 'reply' ? 'reply_route' : 'request_route';
  const span = program.routes[table].get(name)?.span;
  const runs = run.tops.some((t) => t.route === title);
  return { name: title, place: span === undefined ? null : `${span.file}:${span.line}`, runs, why };
}

/** Who on the bus takes the message once the script has handed it over. */
function peers(s: ScriptUnderTest, peer: string, run: Run, code: number | undefined): Step[] {
  if (!s.program.modules.some((m) => m.name === DMQ.module))
    return [{ name: `peer ${peer}`, place: null, runs: false, why: 'the script loads no module dmq' }];
  const wasHanded = code !== undefined && code >= 0;
  const own = step(s.program, 'event', `dmq:channel-${peer}`, run, 'of messages for a peer that no module is');
  const isModule = wasHanded && !own.runs && run.status !== undefined && run.status !== 404;
  const why = !wasHanded
    ? code === undefined
      ? 'the script never came to dmq_handle_message()'
      : 'dmq_handle_message() failed'
    : isModule || run.status === 404
      ? `it answered ${run.status}`
      : 'no module is this peer';
  return [{ name: `peer ${peer} of a module`, place: null, runs: isModule, why }, own];
}

function explained(title: string, steps: readonly Step[], run: Run): Explained {
  const way = run.path;
  const sends = run.sent.map(String);
  const lines = steps.map(({ name, place, runs, why }, i) => {
    const there = place === null && /route/.test(name) ? 'is not in the script' : runs ? 'runs' : 'does not run';
    return `${i + 1}. ${name} ${there}${place === null ? '' : ` (${place})`}; ${why}`;
  });
  const main = run.tops.find((t) => /^(?:request|reply)_route$/.test(t.route));
  const end =
    main?.ended === undefined ? 'waits' : `ends with ${main.ended === 'end' ? 'its last statement' : main.ended}`;
  const text = [
    title,
    ...lines,
    ...(way.length === 0 ? ['No block runs.'] : [`It goes through ${way.join(', ')}, and ${end}.`]),
    ...run.xlog.map((line) => `logs ${line}`),
    ...run.errors.map((line) => `error ${line}`),
    ...sends.map((line) => `sends ${line}`),
    ...run.published.map((p) => `publishes to ${p.topic}: ${p.payload}`),
  ].join('\n');
  const json = {
    steps,
    path: way,
    ended: main?.ended ?? null,
    xlog: run.xlog,
    errors: run.errors,
    sent: sends,
    published: run.published,
  };
  return { runs: way.length > 0, json, text: `${text}\n` };
}
