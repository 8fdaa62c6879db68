/**
 * Plays the plain statements of a recorded case (assignments, xlog(), calls of module functions and `if` on such a
 * call) without the compiler, so that variables and functions are tested against what Kamailio printed. Lines that
 * other statements would print are left out of the comparison.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Context, ROUTE } from '../../src/runtime/context.js';
import { bindFormat, bindVariable } from '../../src/runtime/format.js';
import type { Host } from '../../src/runtime/host.js';
import { type AnyFunction, type BindEnv, FAILED, formFor } from '../../src/runtime/module.js';
import { type Value, withText } from '../../src/runtime/values.js';
import type { SipMessage } from '../../src/sip/message.js';
import { rawMessage } from './fake-host.js';

const CASES = new URL('../conformance/cases/', import.meta.url).pathname;
/** Five digits each, as when the cases were recorded: lengths count. */
const PLACES: Readonly<Record<string, string>> = {
  PORT: '21000',
  A: '21001',
  B: '21002',
  C: '21003',
  D: '21004',
  PORT2: '21005',
  PORT3: '21006',
};
export const PORT = 21000;

export interface RecordedCase {
  readonly script: string;
  /** Requests sent, as on the wire. */
  readonly sent: readonly string[];
  readonly log: readonly string[];
}

const fill = (text: string): string => text.replace(/\{\{(\w+)\}\}/g, (all, name: string) => PLACES[name] ?? all);

export function recordedCase(name: string): RecordedCase {
  const read = (file: string) => fill(readFileSync(join(CASES, name, file), 'latin1'));
  const steps = JSON.parse(read('steps.json')) as { steps: { send?: string | string[] }[] };
  const expected = JSON.parse(read('expected.json')) as { log: string[] };
  const sent = steps.steps.flatMap(({ send }) => (send === undefined ? [] : [wire(send)]));
  return { script: read('kamailio.cfg'), sent, log: expected.log };
}

function wire(send: string | string[]): string {
  const text = (Array.isArray(send) ? send.join('\n') : send).replace(/\r?\n/g, '\r\n');
  if (text.includes('\r\n\r\n')) return text;
  return text + (text.endsWith('\r\n') ? '\r\n' : '\r\n\r\n');
}

export function messageOf(text: string, socket: SipMessage['received']['socket']): SipMessage {
  return rawMessage(text, { srcPort: Number(PLACES.A), socket });
}

/** Values of `modparam("pv", name, …)` in the script. */
export function modparams(script: string, module: string): Record<string, string[]> {
  const out: Record<string, string[]> = {};
  for (const m of script.matchAll(/modparam\("(\w+)", "(\w+)", "([^"]*)"\)/g)) {
    if (m[1] === module) out[m[2]!] = [...(out[m[2]!] ?? []), m[3]!];
  }
  return out;
}

/** Lines between the braces of request_route. */
export function requestRoute(script: string): string {
  const at = script.indexOf('request_route');
  const open = script.indexOf('{', at);
  return script.slice(open + 1, closing(script, open));
}

function closing(text: string, open: number): number {
  let depth = 0;
  for (let i = open; i < text.length; i++) {
    const c = text[i];
    if (c === '"' || c === "'") i = quoteEnd(text, i);
    else if (c === '{' || c === '(') depth++;
    else if ((c === '}' || c === ')') && --depth === 0) return i;
  }
  return text.length;
}

function quoteEnd(text: string, at: number): number {
  for (let i = at + 1; i < text.length; i++) {
    if (text[i] === '\\') i++;
    else if (text[i] === text[at]) return i;
  }
  return text.length;
}

/** Statements at the outer level, without their semicolons. */
export function statements(body: string): string[] {
  const out: string[] = [];
  let start = 0;
  let depth = 0;
  for (let i = 0; i < body.length; i++) {
    const c = body[i];
    if (c === '"' || c === "'") i = quoteEnd(body, i);
    else if (c === '{' || c === '(') depth++;
    else if (c === '}' || c === ')') depth--;
    else if (c === ';' && depth === 0) {
      out.push(body.slice(start, i).trim());
      start = i + 1;
    }
  }
  return out.filter((s) => s !== '');
}

const unquoted = (text: string): string =>
  text.slice(1, -1).replace(/\\(.)/gs, (_, c: string) => ESCAPES[c] ?? `\\${c}`);
const ESCAPES: Readonly<Record<string, string>> = { n: '\n', r: '\r', t: '\t', '"': '"', '\\': '\\' };

export interface Player {
  readonly env: BindEnv;
  readonly functions: Readonly<Record<string, AnyFunction>>;
  readonly params: Readonly<Record<string, unknown>>;
}

/** Runs the statements on one message and gives what it printed. */
export function play(body: string, msg: SipMessage, host: Host, player: Player): string[] {
  const ctx = new Context(host, host.program, msg, ROUTE.REQUEST);
  const out: string[] = [];
  for (const statement of statements(body)) {
    if (statement === 'exit') break;
    run(statement, ctx, player, out);
  }
  return out;
}

function run(statement: string, ctx: Context, player: Player, out: string[]): void {
  const branch = /^if \((!?)(\w+\()/.exec(statement);
  if (branch !== null) {
    const end = closing(statement, 3);
    const code = call(statement.slice(4 + branch[1]!.length, end), ctx, player);
    if (code !== undefined && code > 0 !== (branch[1] === '!')) run(statement.slice(end + 1).trim(), ctx, player, out);
    return;
  }
  const assignment = /^(\$.+?)\s*=(?![>=])\s*(.+)$/s.exec(statement);
  if (statement.startsWith('$') && assignment !== null) assign(assignment[1]!, assignment[2]!, ctx, player);
  else if (statement.startsWith('xlog("')) out.push(...print(statement.slice(5, -1), ctx, player));
  else call(statement, ctx, player);
}

function print(quoted: string, ctx: Context, player: Player): string[] {
  const text = quoted.startsWith('"L_') ? quoted.slice(quoted.indexOf(', ') + 2) : quoted;
  const format = bindFormat(unquoted(text), player.env);
  if ('error' in format) throw new Error(format.error);
  const line = format.ok.get(ctx).replace(/\n$/, '');
  ctx.rc = 1;
  return [line];
}

function assign(left: string, right: string, ctx: Context, player: Player): void {
  const target = bindVariable(left, player.env);
  if ('error' in target) throw new Error(target.error);
  const value = constantOrVariable(right, ctx, player);
  if (value !== SKIPPED) target.ok.set?.(ctx, value);
}

const SKIPPED: unique symbol = Symbol('not a plain value');

function constantOrVariable(text: string, ctx: Context, player: Player): Value | typeof SKIPPED {
  if (/^-?\d+$/.test(text)) return Number(text);
  if (text[0] === '"' && quoteEnd(text, 0) === text.length - 1) return unquoted(text);
  if (text[0] !== '$') return SKIPPED;
  const bound = bindVariable(text, player.env);
  return 'error' in bound ? SKIPPED : withText(bound.ok.get(ctx));
}

/** Return code of a call; undefined where the function is not at hand. */
function call(text: string, ctx: Context, player: Player): number | undefined {
  const m = /^(\w+)\((.*)\)$/s.exec(text);
  const known = m === null ? undefined : player.functions[m[1]!];
  if (m === null || known === undefined) return undefined;
  const texts = splitArguments(m[2]!);
  const def = formFor(known, texts.length);
  if (def === undefined) throw new Error(`wrong number of arguments: ${text}`);
  const values: unknown[] = [];
  for (const [i, argument] of texts.entries()) {
    const bound = def.args[i]!.bind({ kind: 'constant', text: argument }, player.env);
    if ('error' in bound) throw new Error(`${text}: ${bound.error}`);
    const value: unknown = bound.ok.kind === 'constant' ? bound.ok.value : bound.ok.get(ctx);
    if (value === FAILED) {
      ctx.rc = -1;
      return -1;
    }
    values.push(value);
  }
  const code = def.run(ctx, player.params, ...values);
  if (typeof code !== 'number') throw new Error(`${text} waits`);
  ctx.rc = code;
  return code;
}

function splitArguments(text: string): string[] {
  const out: string[] = [];
  for (const m of text.matchAll(/"((?:[^"\\]|\\.)*)"|[^\s,]+/g))
    out.push(m[1] === undefined ? m[0] : unquoted(`"${m[1]}"`));
  return out;
}

/** Is `part` `whole` with some lines left out? The first line of `part` that is not there, or undefined. */
export function missingLine(part: readonly string[], whole: readonly string[]): string | undefined {
  let at = 0;
  for (const line of part) {
    const found = whole.indexOf(line, at);
    if (found < 0) return line;
    at = found + 1;
  }
  return undefined;
}
