/** Names of headers that the server knows, with their compact forms (RFC 3261, 7.3.3 and its successors). */
export const HDR = {
  OTHER: 0,
  VIA: 1,
  FROM: 2,
  TO: 3,
  CALLID: 4,
  CSEQ: 5,
  CONTACT: 6,
  MAXFORWARDS: 7,
  ROUTE: 8,
  RECORDROUTE: 9,
  CONTENTTYPE: 10,
  CONTENTLENGTH: 11,
  AUTHORIZATION: 12,
  PROXYAUTH: 13,
  EXPIRES: 14,
  WWWAUTH: 15,
  PROXYAUTHENTICATE: 16,
  SUPPORTED: 17,
  REQUIRE: 18,
  PROXYREQUIRE: 19,
  UNSUPPORTED: 20,
  ALLOW: 21,
  EVENT: 22,
  ACCEPT: 23,
  ACCEPTLANGUAGE: 24,
  ORGANIZATION: 25,
  PRIORITY: 26,
  SUBJECT: 27,
  USERAGENT: 28,
  SERVER: 29,
  ACCEPTDISPOSITION: 30,
  CONTENTDISPOSITION: 31,
  DIVERSION: 32,
  RPID: 33,
  REFERTO: 34,
  SESSIONEXPIRES: 35,
  MINSE: 36,
  PPI: 37,
  PAI: 38,
  PRIVACY: 39,
  DATE: 40,
  IDENTITY: 41,
  IDENTITYINFO: 42,
  SIPIFMATCH: 43,
  RETRYAFTER: 44,
  PATH: 45,
  MINEXPIRES: 46,
  SUBSCRIPTIONSTATE: 47,
  ALLOWEVENTS: 48,
  CONTENTENCODING: 49,
  REFERREDBY: 50,
  REJECTCONTACT: 51,
  ACCEPTCONTACT: 52,
  REASON: 53,
  TIMESTAMP: 54,
  PCV: 55,
} as const;

/** Long names by id. */
export const HEADER_NAMES: readonly string[] = [
  '',
  'Via',
  'From',
  'To',
  'Call-ID',
  'CSeq',
  'Contact',
  'Max-Forwards',
  'Route',
  'Record-Route',
  'Content-Type',
  'Content-Length',
  'Authorization',
  'Proxy-Authorization',
  'Expires',
  'WWW-Authenticate',
  'Proxy-Authenticate',
  'Supported',
  'Require',
  'Proxy-Require',
  'Unsupported',
  'Allow',
  'Event',
  'Accept',
  'Accept-Language',
  'Organization',
  'Priority',
  'Subject',
  'User-Agent',
  'Server',
  'Accept-Disposition',
  'Content-Disposition',
  'Diversion',
  'Remote-Party-ID',
  'Refer-To',
  'Session-Expires',
  'Min-SE',
  'P-Preferred-Identity',
  'P-Asserted-Identity',
  'Privacy',
  'Date',
  'Identity',
  'Identity-Info',
  'SIP-If-Match',
  'Retry-After',
  'Path',
  'Min-Expires',
  'Subscription-State',
  'Allow-Events',
  'Content-Encoding',
  'Referred-By',
  'Reject-Contact',
  'Accept-Contact',
  'Reason',
  'Timestamp',
  'P-Charging-Vector',
];

const COMPACT: Readonly<Record<string, number>> = {
  v: HDR.VIA,
  f: HDR.FROM,
  t: HDR.TO,
  i: HDR.CALLID,
  m: HDR.CONTACT,
  c: HDR.CONTENTTYPE,
  l: HDR.CONTENTLENGTH,
  k: HDR.SUPPORTED,
  o: HDR.EVENT,
  s: HDR.SUBJECT,
  r: HDR.REFERTO,
  x: HDR.SESSIONEXPIRES,
  y: HDR.IDENTITY,
  n: HDR.IDENTITYINFO,
  u: HDR.ALLOWEVENTS,
  e: HDR.CONTENTENCODING,
  b: HDR.REFERREDBY,
  j: HDR.REJECTCONTACT,
  a: HDR.ACCEPTCONTACT,
};

const IDS = new Map<string, number>();
HEADER_NAMES.forEach((name, id) => {
  if (id > 0) IDS.set(name.toLowerCase(), id);
});
for (const [letter, id] of Object.entries(COMPACT)) IDS.set(letter, id);

/** Spellings already met, bounded, so that the usual ones need no lower-casing. */
const SEEN = new Map<string, number>();
const SEEN_LIMIT = 512;

/** HDR.x of a name in any case, compact or long; HDR.OTHER when it is none of these. */
export function headerId(name: string): number {
  const known = SEEN.get(name);
  if (known !== undefined) return known;
  const id = IDS.get(name.toLowerCase()) ?? HDR.OTHER;
  if (SEEN.size < SEEN_LIMIT && name.length <= 64) SEEN.set(name, id);
  return id;
}

/** A known spelling, for comparing in place. */
interface Spelling {
  /** Lower-case code of its first character. */
  readonly first: number;
  /** As it is usually written. */
  readonly usual: string;
  readonly lower: string;
  readonly id: number;
}

/** Spellings by their length. */
const BY_LENGTH: Spelling[][] = [];
for (const [lower, id] of IDS) {
  const usual = lower.length === 1 ? lower : (HEADER_NAMES[id] ?? lower);
  const same = BY_LENGTH[lower.length] ?? [];
  same.push({ first: lower.charCodeAt(0), usual, lower, id });
  BY_LENGTH[lower.length] = same;
}

/** `headerId` of the name from `from` to `to`, without cutting it out where it is spelt as usual. */
export function headerIdAt(text: string, from: number, to: number): number {
  const same = BY_LENGTH[to - from];
  if (same === undefined) return HDR.OTHER;
  const first = text.charCodeAt(from) | 32;
  for (let i = 0; i < same.length; i++) {
    const s = same[i]!;
    if (s.first !== first) continue;
    if (text.startsWith(s.usual, from) || text.slice(from, to).toLowerCase() === s.lower) return s.id;
  }
  return HDR.OTHER;
}
