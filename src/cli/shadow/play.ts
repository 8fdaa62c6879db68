/** Plays what a server took through two versions of its script, in the kit, and compares what they do. */
import type { Recorded } from '../../server/recording.js';
import {
  type LoadOptions,
  load,
  type Message,
  type Run,
  ScriptTestError,
  type ScriptUnderTest,
} from '../../testing/index.js';
import { headerOf, isReply, replyParts, transactionOf, utf8 } from '../record/sip-text.js';
import { compare, Tokens } from '../test/compare.js';

/** A version of a script: plain data, so that a worker may load it. */
export interface Version {
  readonly file: string;
  /** Texts of all files, latin1, by name; missing: those on disk. */
  readonly sources?: ReadonlyMap<string, string>;
  readonly defines: Readonly<Record<string, string | true>>;
  readonly preload: readonly string[];
  readonly substs: NonNullable<NonNullable<LoadOptions['script']>['substs']>;
}

export interface ShadowDifference {
  /** What came in: `INVITE sip:bob@b from 10.0.0.1:5060`. */
  readonly input: string;
  readonly lines: readonly string[];
}

export interface ShadowReport {
  readonly played: number;
  readonly differences: readonly ShadowDifference[];
  /** Why nothing was played: the problems of a version. */
  readonly failed?: string;
}

/** Longer gaps than this are cut: no timer of a transaction goes beyond. Milliseconds. */
const MAX_GAP = 200_000;
const MIN_GAP = 1;

/** `entries`: the recording, oldest first; replies are matched to requests by what was sent then. */
export async function shadow(
  before: Version,
  after: Version,
  entries: readonly Recorded[],
  env: Readonly<Record<string, string>>,
): Promise<ShadowReport> {
  const scripts: ScriptUnderTest[] = [];
  try {
    for (const version of [before, after]) scripts.push(await start(version, entries[0]?.at, env));
    const [a, b] = scripts.map((s) => new Player(s, entries));
    return await playAll(a!, b!, entries);
  } catch (e) {
    if (!(e instanceof ScriptTestError)) throw e;
    return { played: 0, differences: [], failed: e.message };
  } finally {
    for (const s of scripts) await s.close();
  }
}

function start(v: Version, at: number | undefined, env: Readonly<Record<string, string>>): Promise<ScriptUnderTest> {
  return load(v.file, {
    isolated: true,
    env,
    defines: v.defines,
    script: { preload: v.preload, substs: v.substs, ...(v.sources === undefined ? {} : { sources: v.sources }) },
    ...(at === undefined ? {} : { now: new Date(at) }),
  });
}

async function playAll(a: Player, b: Player, entries: readonly Recorded[]): Promise<ShadowReport> {
  const differences: ShadowDifference[] = [];
  const tokens = new Tokens();
  let played = 0;
  let last = entries[0]?.at ?? 0;
  for (const e of entries) {
    if (e.kind !== 'in' && e.kind !== 'nsq') continue;
    const gap = Math.min(MAX_GAP, Math.round(e.at - last));
    last = e.at;
    if (gap >= MIN_GAP) {
      const [was, is] = [await a.advance(gap), await b.advance(gap)];
      told(differences, `${gap} ms pass`, differencesOf(was, is, tokens));
    }
    const [was, is] = [await a.play(e), await b.play(e)];
    played++;
    told(differences, titleOf(e), differencesOf(was, is, tokens));
  }
  return { played, differences };
}

function told(into: ShadowDifference[], input: string, lines: readonly string[]): void {
  if (lines.length > 0) into.push({ input, lines });
}

function titleOf(e: Extract<Recorded, { kind: 'in' | 'nsq' }>): string {
  if (e.kind === 'nsq') return `event of ${e.topic}: ${utf8(e.payload)}`;
  const start = e.text.slice(0, Math.max(0, e.text.search(/\r?\n/))).replace(/ SIP\/2\.0$/, '');
  return `${utf8(start)} from ${e.from}`;
}

/** One version with all that it has sent, so that replies find their requests. */
class Player {
  readonly #s: ScriptUnderTest;
  readonly #sent: Message[] = [];
  /** Requests that the live server sent, by branch and CSeq. */
  readonly #live = new Map<string, { readonly key: string; readonly n: number }>();

  constructor(s: ScriptUnderTest, entries: readonly Recorded[]) {
    this.#s = s;
    const counts = new Map<string, number>();
    for (const e of entries) {
      const transaction = e.kind === 'out' && !isReply(e.text) ? transactionOf(e.text) : undefined;
      if (e.kind !== 'out' || transaction === undefined || this.#live.has(transaction)) continue;
      const key = `${headerOf(e.text, 'Call-ID')} ${headerOf(e.text, 'CSeq')} ${e.to}`;
      const n = counts.get(key) ?? 0;
      counts.set(key, n + 1);
      this.#live.set(transaction, { key, n });
    }
  }

  async advance(ms: number): Promise<Run> {
    return this.#noted(await this.#s.advance(ms));
  }

  async play(e: Extract<Recorded, { kind: 'in' | 'nsq' }>): Promise<Run> {
    return this.#noted(await this.#step(e));
  }

  #noted(run: Run): Run {
    for (const m of run.requests) if (!this.#sent.some((known) => known.text === m.text)) this.#sent.push(m);
    return run;
  }

  #step(e: Extract<Recorded, { kind: 'in' | 'nsq' }>): Promise<Run> {
    if (e.kind === 'nsq') {
      const { topic, channel, attempts } = e;
      return this.#s.nsq(utf8(e.payload), { topic, channel, attempts });
    }
    const request = isReply(e.text) ? this.#requestOf(e.text) : undefined;
    if (request !== undefined) return this.#s.reply(request, Number(e.text.slice(8, 11)), replyParts(e.text));
    const socket = this.#s.sockets.includes(e.socket) ? { socket: e.socket } : {};
    return this.#s.receive(Buffer.from(e.text, 'latin1'), { from: e.from, ...socket });
  }

  #requestOf(reply: string): Message | undefined {
    const live = this.#live.get(transactionOf(reply) ?? '');
    if (live === undefined) return undefined;
    const same = this.#sent.filter((m) => `${m.header('Call-ID')} ${m.header('CSeq')} ${m.to}` === live.key);
    return same[live.n];
  }
}

/** What two runs did otherwise, as lines for people. */
function differencesOf(was: Run, is: Run, tokens: Tokens): string[] {
  const sent = (run: Run) => run.sent.map((m) => ({ to: m.to, text: Buffer.from(m.text, 'utf8').toString('latin1') }));
  return [
    ...compare(sent(was), sent(is), tokens, { ours: 'before', real: 'after' }).map(utf8),
    ...listsDiffer('logs', was.xlog, is.xlog),
    ...listsDiffer('logs the error', was.errors, is.errors),
    ...listsDiffer('publishes', was.published.map(publication), is.published.map(publication)),
    ...changed('event route', was.eventRoute, is.eventRoute),
    ...changed('verdict', was.verdict, is.verdict),
    ...changed('ends by', was.ended, is.ended),
    ...changed('code', was.code, is.code),
  ];
}

function publication(p: { readonly topic: string; readonly payload: string }): string {
  return `to ${p.topic}: ${p.payload}`;
}

function listsDiffer(what: string, was: readonly string[], is: readonly string[]): string[] {
  if (was.length === is.length && was.every((l, i) => l === is[i])) return [];
  return [
    ...was.filter((l) => !is.includes(l)).map((l) => `before alone ${what} ${l}`),
    ...is.filter((l) => !was.includes(l)).map((l) => `after alone ${what} ${l}`),
  ];
}

function changed(what: string, was: unknown, is: unknown): string[] {
  return was === is ? [] : [`${what}: ${was ?? 'none'} before, ${is ?? 'none'} after`];
}

/** The report for a terminal. */
export function shadowText({ played, differences, failed }: ShadowReport): string {
  if (failed !== undefined) return `${failed}\n`;
  const blocks = differences.map((d) => `${d.input}\n${d.lines.map((l) => `  ${l}\n`).join('')}`);
  const count = differences.length === 0 ? 'no difference' : `${differences.length} with differences`;
  return `${blocks.join('')}shadow: ${played} messages and events played through both versions, ${count}\n`;
}
