/** A recording as a test for the kit: what came in is played in order, what went out is expected. Pure. */

import type { Recorded } from '../../server/recording.js';
import { headerOf, isReply, replyParts, transactionOf, utf8 } from './sip-text.js';

export interface TestOptions {
  /** Path of the script as the test names it. */
  readonly script: string;
  /** Where the recording comes from, for the first line. */
  readonly origin: string;
}

/** What is sent later than this after a message belongs to the time that passes. Milliseconds. */
const PROMPT = 150;
/** Gaps below this do not matter to any timer. */
const GAP = 100;

type Input = Extract<Recorded, { kind: 'in' | 'nsq' }>;

interface Step {
  readonly input: Input | { readonly kind: 'time'; readonly ms: number };
  readonly sent: Extract<Recorded, { kind: 'out' }>[];
  readonly published: Extract<Recorded, { kind: 'published' }>[];
}

interface Group {
  readonly title: string;
  readonly id: string | undefined;
  readonly steps: Step[];
}

export function testOf(entries: readonly Recorded[], { script, origin }: TestOptions): string {
  const groups = groupsOf(entries);
  const sockets = new Set(entries.flatMap((e) => (e.kind === 'in' ? [e.socket] : [])));
  return `// ${origin}
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { load } from 'kamscript/testing';

let s;
before(async () => {
  s = await load(new URL(${quoted(script)}, import.meta.url));
});
after(() => s.close());

// Messages of one call that a step sent, in an order of their own; the request that it sent to an address.
const of = (run, id) => run.sent.filter((m) => m.header('Call-ID') === id);
const shown = (run, id) => of(run, id).map(String).sort();
const sentTo = (run, id, to, n = 0) => of(run, id).filter((m) => m.method !== undefined && m.to === to)[n];
${groups.map((g) => groupText(g, sockets.size > 1)).join('')}`;
}

// ------------------------------------------------------------------- grouping

function groupsOf(entries: readonly Recorded[]): Group[] {
  const groups = new Map<string, Group>();
  const lastAt = new Map<Group, number>();
  let last: Step | undefined;
  for (const e of entries) {
    if (e.kind === 'published') {
      last?.published.push(e);
      continue;
    }
    const key = e.kind === 'nsq' ? `nsq ${groups.size}` : (headerOf(e.text, 'Call-ID') ?? '');
    if (e.kind === 'out') {
      const group = groups.get(key);
      if (group !== undefined) placeSent(group, e, lastAt);
      continue;
    }
    const group = groups.get(key) ?? { title: titleOf(e), id: e.kind === 'nsq' ? undefined : key, steps: [] };
    groups.set(key, group);
    const gap = Math.round(e.at - (lastAt.get(group) ?? e.at));
    if (gap >= GAP && group.steps.at(-1)?.input.kind !== 'time') group.steps.push(step({ kind: 'time', ms: gap }));
    last = step(e);
    group.steps.push(last);
    lastAt.set(group, e.at);
  }
  return [...groups.values()];
}

function step(input: Step['input']): Step {
  return { input, sent: [], published: [] };
}

function placeSent(group: Group, e: Extract<Recorded, { kind: 'out' }>, lastAt: Map<Group, number>): void {
  // What is sent again, by a timer, is not asked for.
  if (group.steps.some((s) => s.sent.some((o) => o.text === e.text && o.to === e.to))) return;
  const since = e.at - (lastAt.get(group) ?? e.at);
  const latest = group.steps.at(-1)!;
  if (since <= PROMPT) latest.sent.push(e);
  else {
    const waited = step({ kind: 'time', ms: Math.round(since) });
    waited.sent.push(e);
    group.steps.push(waited);
    lastAt.set(group, e.at);
  }
}

function titleOf(e: Input): string {
  if (e.kind === 'nsq') return `event of ${e.topic}: ${e.payload.slice(0, 60).replace(/\s+/g, ' ')}`;
  const [method, uri] = e.text.split(/[ \r\n]/);
  return `${method} ${uri} from ${e.from}, call ${headerOf(e.text, 'Call-ID')}`;
}

// -------------------------------------------------------------------- writing

function groupText({ title, id, steps }: Group, nameSockets: boolean): string {
  const places = sentRequests(steps);
  const lines = id === undefined ? [] : [`const id = ${quoted(utf8(id))};`];
  steps.forEach((s, i) => {
    const used = s.sent.length > 0 || s.published.length > 0 || isRequest(s.input) || s.input.kind === 'nsq';
    lines.push(`${used ? `const r${i} = ` : ''}await ${callText(s.input, places, nameSockets)};`);
    if (s.sent.length > 0 || isRequest(s.input))
      lines.push(`assert.deepEqual(shown(r${i}, id), ${list(s.sent.map(shownAs).sort())});`);
    if (s.published.length > 0)
      lines.push(
        `assert.deepEqual(r${i}.published.map((p) => [p.topic, p.payload]), ${list(s.published.map((p) => [utf8(p.topic), utf8(p.payload)]))});`,
      );
    if (s.input.kind === 'nsq') lines.push(`assert.equal(r${i}.verdict, 'finished');`);
  });
  return `\ntest(${quoted(utf8(title))}, async () => {\n${lines.map((l) => `  ${l}\n`).join('')}});\n`;
}

function isRequest(input: Step['input']): boolean {
  return input.kind === 'in' && !isReply(input.text);
}

function shownAs({ text, proto, to }: Extract<Recorded, { kind: 'out' }>): string {
  return `${utf8(text.slice(0, text.search(/\r?\n/)))} -> ${proto}:${to}`;
}

/** Where the test finds the request that the server sent, by its topmost Via and CSeq. */
function sentRequests(steps: readonly Step[]): ReadonlyMap<string, string> {
  const places = new Map<string, string>();
  steps.forEach((s, i) => {
    const perAddress = new Map<string, number>();
    for (const o of s.sent) {
      const key = transactionOf(o.text);
      if (isReply(o.text) || key === undefined) continue;
      const n = perAddress.get(o.to) ?? 0;
      perAddress.set(o.to, n + 1);
      if (!places.has(key)) places.set(key, `sentTo(r${i}, id, ${quoted(o.to)}${n === 0 ? '' : `, ${n}`})`);
    }
  });
  return places;
}

function callText(input: Step['input'], places: ReadonlyMap<string, string>, nameSockets: boolean): string {
  if (input.kind === 'time') return `s.advance(${input.ms})`;
  if (input.kind === 'nsq') {
    const { topic, channel, attempts } = input;
    return `s.nsq(${quoted(utf8(input.payload))}, ${object({ topic, channel, attempts })})`;
  }
  const source = object({ from: input.from, ...(nameSockets ? { socket: input.socket } : {}) });
  if (!isText(input.text))
    return `s.receive(Buffer.from(${quoted(Buffer.from(input.text, 'latin1').toString('base64'))}, 'base64'), ${source})`;
  if (isRequest(input)) return `s.request(${multiline(input.text)}, ${source})`;
  const place = places.get(transactionOf(input.text) ?? '');
  if (place === undefined) return `s.reply(${multiline(input.text)}, ${source})`;
  const status = /^SIP\/2\.0 (\d+)/.exec(input.text)?.[1];
  return `s.reply(${place}, ${status}, ${object(replyParts(input.text))})`;
}

const quoted = (text: string) =>
  `'${text
    .replace(/[\\']/g, '\\$&')
    .replace(/\n/g, '\\n')
    .replace(/\r/g, '\\r')
    .replace(/[\0-\x1f\u2028\u2029]/g, hexEscape)}'`;

function hexEscape(c: string): string {
  return `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`;
}

/** Is it UTF-8, as a test writes it? */
function isText(message: string): boolean {
  return Buffer.from(utf8(message), 'utf8').toString('latin1') === message;
}

/** A message as a template, a line a line; one with other line ends as a plain text. */
function multiline(message: string): string {
  const text = utf8(message);
  const lined = text.replace(/\r\n/g, '\n');
  if (/[\r\0]/.test(lined) || lined.replace(/\n/g, '\r\n') !== text) return quoted(text);
  return `\`\n${lined.replace(/[\\`]|\$\{/g, '\\$&')}\``;
}

function list(items: readonly unknown[]): string {
  return `[${items.map(valueText).join(', ')}]`;
}

function object(fields: object): string {
  const entries = Object.entries(fields).map(([k, v]) => `${/^\w+$/.test(k) ? k : quoted(k)}: ${valueText(v)}`);
  return entries.length === 0 ? '{}' : `{ ${entries.join(', ')} }`;
}

function valueText(value: unknown): string {
  if (typeof value === 'string') return quoted(value);
  if (Array.isArray(value)) return list(value);
  if (typeof value === 'object' && value !== null) return object(value as Record<string, unknown>);
  return `${String(value)}`;
}
