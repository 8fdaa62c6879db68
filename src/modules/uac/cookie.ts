/**
 * What Record-Route keeps of a replaced URI: old and new one combined by exclusive or, so that whoever has one gets the
 * other, in base64 with `-` as padding. The form is Kamailio's: dialogs may begin on one and go on with the other.
 */

export function cookieOf(old: string, fresh: string, password: string): string {
  const mixed = veil(combine(old, fresh), password);
  return mixed.toString('base64').replaceAll('=', '-');
}

/** The other URI; a text with `error` where there is none. */
export function otherUri(cookie: string, current: string, password: string): { ok: string } | { error: string } {
  if (!/^[A-Za-z0-9+/]*-*$/.test(cookie)) return { error: `invalid base64 string"${cookie}"` };
  const mixed = veil(Buffer.from(cookie.replaceAll('-', '='), 'base64'), password);
  if (mixed.length < current.length) return { error: `new URI shorter than old URI [${current}]` };
  const text = combine(mixed.toString('latin1'), current).toString('latin1');
  // the shorter of the two was filled up with what the longer one has: the end shows as zeros
  const zero = text.slice(0, current.length).indexOf('\0');
  const uri = zero < 0 ? text : text.slice(0, zero);
  if (uri === '') return { error: 'new URI got 0 len' };
  if (!/^[\x20-\x7e]*$/.test(uri))
    return { error: 'invalid char found in the new uri: the URI was altered by an end point' };
  return { ok: uri };
}

function combine(a: string, b: string): Buffer {
  const [long, short] = a.length > b.length ? [a, b] : [b, a];
  const out = Buffer.from(long, 'latin1');
  for (let i = 0; i < short.length; i++) out[i]! ^= short.charCodeAt(i) & 0xff;
  return out;
}

function veil(bytes: Buffer, password: string): Buffer {
  if (password === '') return bytes;
  for (let i = 0; i < bytes.length; i++) bytes[i]! ^= password.charCodeAt(i % password.length) & 0xff;
  return bytes;
}
