/** What stands in commands: numbers, settings, and the bodies of an MPUB; with nsqd's errors. */

/** An error that ends the connection. */
export class Fatal extends Error {}

/** A number of IDENTIFY: 0 or missing leaves `otherwise`, -1 is `off` where there is one. */
export function setting(
  asked: Readonly<Record<string, unknown>>,
  key: string,
  name: string,
  { off, min, max, otherwise }: { off?: number; min: number; max: number; otherwise: number },
): number {
  const value = asked[key];
  if (value === undefined || value === null || value === 0) return otherwise;
  if (value === -1 && off !== undefined) return off;
  if (typeof value === 'number' && value >= min && value <= max) return value;
  throw new Fatal(`E_BAD_BODY IDENTIFY ${name} (${String(value)}) is invalid`);
}

const WHOLE = /^[+-]?\d{1,15}$/;
export const whole = (text: string): number | undefined => (WHOLE.test(text) ? Number(text) : undefined);

export function deferral(text: string, max: number): number {
  const ms = whole(text);
  if (ms === undefined) throw new Fatal(`E_INVALID DPUB could not parse timeout ${text}`);
  if (ms < 0 || ms > max) throw new Fatal(`E_INVALID DPUB timeout ${ms} out of range 0-${max}`);
  return ms;
}

/** Bodies of an MPUB (count, then size and body each), copied; a text says what is wrong with it. */
export function splitMany(
  body: Buffer,
  { maxMsgSize, maxBodySize }: { maxMsgSize: number; maxBodySize: number },
): Buffer[] | string {
  if (body.length < 4) return 'E_BAD_BODY MPUB failed to read message count';
  const count = body.readInt32BE(0);
  if (count <= 0 || count > (maxBodySize - 4) / 5) return `E_BAD_BODY MPUB invalid message count ${count}`;
  const out: Buffer[] = [];
  let at = 4;
  for (let i = 0; i < count; i++) {
    if (at + 4 > body.length) return `E_BAD_MESSAGE MPUB failed to read message(${i}) body size`;
    const size = body.readInt32BE(at);
    if (size <= 0) return `E_BAD_MESSAGE MPUB invalid message(${i}) body size ${size}`;
    if (size > maxMsgSize) return `E_BAD_MESSAGE MPUB message too big ${size} > ${maxMsgSize}`;
    if (at + 4 + size > body.length) return 'E_BAD_MESSAGE MPUB failed to read message body';
    out.push(Buffer.from(body.subarray(at + 4, at + 4 + size)));
    at += 4 + size;
  }
  return out;
}
