/**
 * The short way of bus messages. Where a script's first statement gives KDMQ to dmq_handle_message() and nothing else can see
 * them, a message in the very form that nodes write is read by one expression, carried out, and answered by pieces of itself,
 * without the index of its headers, a run of the script and the building of a reply. Whatever is not exactly so takes the long
 * way, which does the same: a test holds both to the same replies and tables.
 */
import type { Expr, Statement } from '../../parser/tree.js';
import { Context, ROUTE } from '../../runtime/context.js';
import { coreOf } from '../../runtime/core/facts.js';
import { type Host, isWithoutRun, LEVEL } from '../../runtime/host.js';
import type { Program } from '../../runtime/program.js';
import { countStateless, slState } from '../../runtime/replies.js';
import { parseMessage } from '../../sip/parse.js';
import { tagSuffixOf } from '../../sip/tag.js';
import type { Received } from '../../sip/transport.js';
import type { PeerReply } from './peer.js';
import { transaction } from './seen.js';

/** What a message on the short way says. */
export interface ShortMessage {
  readonly uri: string;
  readonly ip: string;
  readonly from: string;
  readonly stamp: number;
  readonly isStamped: boolean;
  readonly id: ReturnType<typeof transaction>;
  readonly body: string;
  readonly text: string;
  readonly received: Received;
}

/** It has to take the long way, and nothing was done. */
export const LONG = 'long';
/** Carries a message out, after `begin`. */
export type TakeShort = (m: ShortMessage) => PeerReply | undefined | typeof LONG;

/** Headers in the order in which Kamailio and kamscript write them. */
const HEAD =
  /^KDMQ (sip:[\w-]+@[\w.-]+(?::\d{1,5})?) SIP\/2\.0\r\n(Via: SIP\/2\.0\/UDP ([\d.]+):(\d{1,5});branch=(z9hG4bK[\w.-]+)\r\nTo: <sip:[\w@.:-]+>)(\r\nFrom: <(sip:[\w@.:-]+)>;tag=[\w.-]+\r\nCSeq: \d{1,9} KDMQ\r\nCall-ID: ([\w@.-]+)\r\n)(?:Content-Length: \d{1,9}\r\n)?(?:User-Agent: [!-~][ -~]*\r\n)?(?:Max-Forwards: \d{1,3}\r\n)?(?:Content-Type: [!-~]+\r\n)?(?:Kamscript-Stamp: (\d{1,16})\r\n)?\r\n/;

export class ShortWay {
  readonly #host: Host;
  readonly #take: TakeShort;
  #program: Program | undefined;
  #isOpen = false;
  /** A run for the hooks that look at the method. */
  #sample: Context | undefined;

  constructor(host: Host, take: TakeShort) {
    this.#host = host;
    this.#take = take;
  }

  /** True: it was carried out and answered. Never throws. */
  take(text: string, from: Received): boolean {
    const host = this.#host;
    if (host.program !== this.#program) this.#look(host.program);
    if (!this.#isOpen || host.turns.busy || host.hooks.aroundReceived !== undefined) return false;
    const core = coreOf(host.program);
    if (core.forceRport || core.replyToVia || core.sipWarning) return false;
    try {
      return this.#read(text, from, core.serverHeader);
    } catch (e) {
      host.log.write(LEVEL.BUG, 'dmq', e instanceof Error ? (e.stack ?? e.message) : String(e));
      return true;
    }
  }

  #look(program: Program): void {
    this.#program = program;
    this.#sample = undefined;
    this.#isOpen = leavesItToTheBus(program) && nobodyLooks(this.#host);
  }

  #read(text: string, from: Received, serverHeader: string): boolean {
    const m = HEAD.exec(text);
    if (m === null || m[3] !== from.srcIp) return false;
    const port = Number(m[4]);
    if (port < 1 || port > 65_535) return false;
    const stamp = m[9];
    const reply = this.#take({
      uri: m[1]!,
      ip: from.srcIp,
      from: m[7]!,
      stamp: stamp === undefined ? 0 : stampOf(stamp),
      isStamped: stamp !== undefined,
      id: transaction(m[5]!, from.srcIp, from.srcPort),
      body: text.slice(m[0].length),
      text,
      received: from,
    });
    if (reply === LONG) return false;
    if (reply === undefined) return true;
    const host = this.#host;
    const sl = slState(host);
    const tag = `${sl.tagPrefix}.${tagSuffixOf(m[3], port, m[5]!, m[8]!)}`;
    const server = serverHeader === '' ? '' : `${serverHeader}\r\n`;
    const out = `SIP/2.0 ${reply.code} ${reply.reason}\r\n${m[2]!};tag=${tag}${m[6]!}${server}Content-Length: 0\r\n\r\n`;
    sl.lastReply = host.clock.now();
    if (host.send(out, { proto: 'udp', ip: from.srcIp, port, socket: from.socket })) countStateless(host, reply.code);
    else host.count('sl.failures');
    return true;
  }

  /** To be called before a message that is taken is carried out: it counts as one that came. */
  begin({ text, received }: ShortMessage): void {
    const host = this.#host;
    host.recorder?.received(text, received);
    const id = host.nextMessageId?.() ?? 0;
    if (this.#sample === undefined) {
      const msg = parseMessage(text, received, id, host.clock.now());
      if (msg === undefined) return;
      this.#sample = new Context(host, host.program, msg, ROUTE.REQUEST);
    }
    for (const hook of host.hooks.beforeRequest) hook(this.#sample);
  }
}

function stampOf(digits: string): number {
  const stamp = Number(digits);
  return Number.isSafeInteger(stamp) ? stamp : 0;
}

/** No module, event route or setting that would see such a message but those that need no run of the script. */
function nobodyLooks({ hooks }: Host): boolean {
  const { onNetIn, onNetOut, onSent, afterScript, onLocalReply, beforeRequest, afterRequest } = hooks;
  const others = onNetIn.length + onNetOut.length + onSent.length + afterScript.length + onLocalReply.length;
  return others === 0 && [...beforeRequest, ...afterRequest].every(isWithoutRun);
}

const SEEING_EVENTS = ['core:msg-received', 'core:pre-routing', 'sl:local-response'];

/** Does the main route begin with `if (KDMQ) { dmq_handle_message(); …`? What stands behind that call never runs. */
export function leavesItToTheBus(program: Program): boolean {
  if (program.isTraced === true || program.logPrefix !== undefined) return false;
  if (Number(program.core.values.get('latency_limit_action') ?? 0) > 0) return false;
  if (SEEING_EVENTS.some((name) => program.routes.event.has(name))) return false;
  const main = program.script.items.filter(
    (item) => item.kind === 'block' && item.block === 'request_route' && item.name === undefined,
  );
  const block = main[0];
  if (main.length !== 1 || block?.kind !== 'block') return false;
  const first = firstOf(block.body.statements);
  return first?.kind === 'if' && isForBus(first.condition) && isHandled(firstOf(first.then.statements));
}

function firstOf(statements: readonly Statement[]): Statement | undefined {
  return statements.find((s) => s.kind !== 'empty');
}

const METHOD = 'KDMQ';

function isForBus(e: Expr): boolean {
  switch (e.kind) {
    case 'group':
      return isForBus(e.inner);
    case 'binary':
      return e.op === '==' && e.left.kind === 'variable' && e.left.text === '$rm' && isMethod(e.right);
    case 'operand':
      return e.op === '==' && e.operand === 'method' && isNamed(e.right);
    case 'call':
      return e.name === 'is_method' && e.args.length === 1 && isMethod(e.args[0]!);
    default:
      return false;
  }
}

function isMethod(e: Expr): boolean {
  return e.kind === 'string' && e.value === METHOD;
}

function isNamed(right: Extract<Expr, { kind: 'operand' }>['right']): boolean {
  return right.kind === 'id' ? right.value === METHOD : right.kind === 'expr' && isMethod(right.expr);
}

function isHandled(s: Statement | undefined): boolean {
  return s?.kind === 'call' && s.name === 'dmq_handle_message' && s.args.length === 0;
}
