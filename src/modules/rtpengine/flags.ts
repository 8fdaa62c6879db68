/** The words of `rtpengine_offer("replace-origin ICE=remove …")` as entries of a command (RTPengine's ng protocol). */
import type { Bencode } from './bencode.js';

export type Operation =
  | 'offer'
  | 'answer'
  | 'delete'
  | 'query'
  | 'start recording'
  | 'stop recording'
  | 'block DTMF'
  | 'unblock DTMF'
  | 'block media'
  | 'unblock media'
  | 'silence media'
  | 'unsilence media'
  | 'start forwarding'
  | 'stop forwarding'
  | 'play media'
  | 'stop media'
  | 'play DTMF';

/** Which Via branch goes with a command. */
export type ViaChoice = '1' | '2' | 'auto' | 'extra' | 'next' | 'auto-next' | 'auto-extra';

export interface Flags {
  operation: Operation;
  callId: string | undefined;
  fromTag: string | undefined;
  toTag: string | undefined;
  /** `to-tag` stands there. */
  withTo: boolean;
  directional: boolean;
  via: ViaChoice | undefined;
  /** Entries with a value of their own, in order. */
  readonly own: Map<string, Bencode>;
  readonly flags: string[];
  readonly direction: string[];
  readonly lists: Map<string, string[]>;
  readonly codec: Map<string, string[]>;
  transport: string | undefined;
}

/** Bits of a transport that the words build up: secured, with feedback, by DTLS. */
const BIT = { SECURE: 1, FEEDBACK: 2, DTLS: 4 } as const;
const TRANSPORTS: Readonly<Record<number, string>> = {
  0: 'RTP/AVP',
  1: 'RTP/SAVP',
  2: 'RTP/AVPF',
  3: 'RTP/SAVPF',
  4: 'UDP/TLS/RTP/SAVP',
  6: 'UDP/TLS/RTP/SAVPF',
};
/** Words that set bits, clear bits, or set all of them. */
const TRANSPORT_WORDS: Readonly<Record<string, (bits: number) => number>> = {
  RTP: (b) => b & ~BIT.SECURE,
  AVP: (b) => b & ~BIT.FEEDBACK,
  SRTP: (b) => b | BIT.SECURE,
  AVPF: (b) => b | BIT.FEEDBACK,
  DTLS: (b) => b | BIT.DTLS,
  ...Object.fromEntries(Object.entries(TRANSPORTS).map(([bits, name]) => [name, () => Number(bits)])),
};

/** `word-x` and `word=x` put x into a list. */
const LISTS: readonly (readonly [word: string, list: string])[] = [
  ['replace', 'replace'],
  ['SDES', 'SDES'],
  ['T38', 'T.38'],
  ['T.38', 'T.38'],
  ['rtcp-mux', 'rtcp-mux'],
];
/** The same for lists within `codec`. */
const CODEC_LISTS: readonly (readonly [word: string, list: string])[] = [
  ['transcode', 'transcode'],
  ['codec-transcode', 'transcode'],
  ['codec-strip', 'strip'],
  ['codec-offer', 'offer'],
  ['codec-mask', 'mask'],
  ['codec-set', 'set'],
  ['codec-except', 'except'],
];
const VIA_WORDS: Readonly<Record<string, ViaChoice>> = {
  auto: 'auto',
  extra: 'extra',
  next: 'next',
  'auto-next': 'auto-next',
  'next-auto': 'auto-next',
  'auto-extra': 'auto-extra',
  'extra-auto': 'auto-extra',
};

/** `word-x` or `word=x`: x; undefined: it is another word. */
function suffix(word: string, key: string, value: string | undefined): string | undefined {
  if (key === word) return value || undefined;
  return key.startsWith(`${word}-`) && key.length > word.length + 1 ? key.slice(word.length + 1) : undefined;
}

const atoi = (text: string): number => Number.parseInt(text, 10) || 0;

/** A text says what is wrong. */
export function parseFlags(text: string, operation: Operation): Flags | string {
  const out: Flags = {
    operation,
    callId: undefined,
    fromTag: undefined,
    toTag: undefined,
    withTo: operation !== 'delete',
    directional: false,
    via: undefined,
    own: new Map(),
    flags: [],
    direction: [],
    lists: new Map(),
    codec: new Map(),
    transport: undefined,
  };
  let bits: number | undefined;
  for (const word of text.split(' ')) {
    const at = word.indexOf('=');
    const key = at < 0 ? word : word.slice(0, at);
    const value = at < 0 ? undefined : word.slice(at + 1);
    if (key === '') {
      if (word === '') continue;
      break;
    }
    const change = value === undefined ? TRANSPORT_WORDS[key] : undefined;
    if (change !== undefined && !listed(out, key, value)) bits = change(bits ?? 0);
    else if (change === undefined) {
      const wrong = take(out, key, value);
      if (wrong !== undefined)
        return `error processing flag \`${key}'${value === undefined ? '' : ` (value '${value}')`}: ${wrong}`;
    }
  }
  if (bits !== undefined) out.transport = TRANSPORTS[bits & 7] ?? '';
  return out;
}

function listed(out: Flags, key: string, value: string | undefined): boolean {
  for (const [words, lists] of [[LISTS, out.lists] as const, [CODEC_LISTS, out.codec] as const]) {
    for (const [word, name] of words) {
      const item = suffix(word, key, value);
      if (item === undefined) continue;
      const list = lists.get(name);
      if (list === undefined) lists.set(name, [item]);
      else list.push(item);
      return true;
    }
  }
  return false;
}

const MISSING = 'missing value';
const INVALID = 'invalid value';

/** Words with a meaning of their own; a text says what is wrong, false: it is an ordinary one. */
const SPECIAL: Readonly<Record<string, (out: Flags, value: string | undefined) => string | boolean>> = {
  'to-tag': (out, value) => {
    if (value !== undefined) out.toTag = value;
    out.withTo = true;
    return true;
  },
  'from-tag': (out, value) => {
    if (value === undefined) return MISSING;
    out.fromTag = value;
    out.directional = true;
    return true;
  },
  'call-id': (out, value) => {
    if (value === undefined) return MISSING;
    out.callId = value;
    return true;
  },
  internal: (out) => out.direction.push('internal') > 0,
  external: (out) => out.direction.push('external') > 0,
  direction: (out, value) => out.direction.push(value ?? '') > 0,
  'via-branch': (out, value) => {
    if (value === undefined) return MISSING;
    out.via = value[0] === '1' || value[0] === '2' ? value[0] : VIA_WORDS[value];
    return out.via === undefined ? INVALID : true;
  },
  repacketize: (out, value) => {
    if (value === undefined) return MISSING;
    const ms = atoi(value);
    if (ms <= 0) return INVALID;
    out.own.set('repacketize', ms);
    return true;
  },
  directional: (out) => {
    out.directional = true;
    return true;
  },
  'force-answer': (out) => {
    if (out.operation !== 'offer') return 'cannot force answer in non-offer command';
    out.operation = 'answer';
    return true;
  },
  TOS: (out, value) => {
    if (value === undefined) return false;
    out.own.set('TOS', atoi(value));
    return true;
  },
  // 5.6.3 goes on with it as an ordinary word too.
  'delete-delay': (out, value) => {
    if (value !== undefined) out.own.set('delete delay', atoi(value));
    return false;
  },
};

function take(out: Flags, key: string, value: string | undefined): string | undefined {
  if (listed(out, key, value)) return undefined;
  const special = Object.hasOwn(SPECIAL, key) ? SPECIAL[key]!(out, value) : false;
  if (typeof special === 'string') return special;
  if (special) return undefined;
  if (value === undefined) out.flags.push(key);
  else out.own.set(key, value);
  return undefined;
}
