/** Messages of two servers side by side: what each makes up itself (tags, branches, nonces) may differ. Pure. */

export interface Sent {
  /** `ip:port` */
  readonly to: string;
  /** Latin1. */
  readonly text: string;
}

/** What a server makes up, by the kind of place where it stands. */
const MADE = /(;tag=|;branch=|nonce="|;i=|;r2=|;did=|;vsf=|;vst=)([^;",>\s]+)/g;
/** Call-IDs of requests that the server itself begins. */
const CALL_ID = /^(?:Call-ID|i)[ \t]*:[ \t]*(\S+)/im;

/** Pairs what one server made up with what the other did. */
export class Tokens {
  readonly #toReal = new Map<string, string>();

  learn(ours: string, real: string): void {
    const a = [...ours.matchAll(MADE)].map((m) => m[2]!);
    const b = [...real.matchAll(MADE)].map((m) => m[2]!);
    if (a.length === b.length) for (const [i, token] of a.entries()) this.#pair(token, b[i]!);
    this.#pair(CALL_ID.exec(ours)?.[1], CALL_ID.exec(real)?.[1]);
  }

  #pair(ours: string | undefined, real: string | undefined): void {
    if (ours !== undefined && real !== undefined && ours !== real) this.#toReal.set(ours, real);
  }

  /** A text of the test as the other server has to see it. */
  toReal(text: string): string {
    let out = text;
    for (const [ours, real] of this.#toReal) out = out.replaceAll(ours, real);
    return out;
  }
}

/** What the two sides are called in a difference. */
export interface Names {
  readonly ours: string;
  readonly real: string;
}

/** Differences as lines; none: both sent the same. */
export function compare(
  ours: readonly Sent[],
  real: readonly Sent[],
  tokens: Tokens,
  names: Names = { ours: 'kamscript', real: 'Kamailio' },
): string[] {
  const rest = [...real];
  const out: string[] = [];
  for (const message of ours) {
    const at = rest.findIndex((r) => r.to === message.to && startLine(r) === startLine(message));
    if (at < 0) {
      out.push(`${names.ours} alone sends ${startLine(message)} to ${message.to}`);
      continue;
    }
    const [other] = rest.splice(at, 1);
    tokens.learn(message.text, other!.text);
    out.push(...differences(message, other!, names));
  }
  return [...out, ...rest.map((r) => `${names.real} alone sends ${startLine(r)} to ${r.to}`)];
}

function startLine({ text }: Sent): string {
  return text.slice(0, Math.max(0, text.indexOf('\r\n')));
}

function differences(ours: Sent, real: Sent, names: Names): string[] {
  const a = lines(ours.text);
  const b = lines(real.text);
  const where = `${startLine(ours)} to ${ours.to}`;
  return [
    ...b.filter((l) => !a.includes(l)).map((l) => `${where}: ${names.real} has ${l}`),
    ...a.filter((l) => !b.includes(l)).map((l) => `${where}: ${names.ours} has ${l}`),
  ];
}

/** A message without what its server makes up. */
function lines(text: string): string[] {
  const own = CALL_ID.test(text) && /^(?:KDMQ) /.test(text) ? text.replace(CALL_ID, 'Call-ID: *') : text;
  return own.replace(MADE, '$1*').split('\r\n');
}
