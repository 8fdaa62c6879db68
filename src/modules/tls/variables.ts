/** `$tls_…`, `$tls(…)` and `@tls.…`: the connection that a message came over. */
import { X509Certificate } from 'node:crypto';
import type { TLSSocket } from 'node:tls';
import type { RouteContext as Context, PvDefinition, SelectDefinition } from '../../runtime/module.js';
import { LEVEL, pv, pvTable } from '../../runtime/module.js';
import { leaf, type Place, select, tree } from '../../runtime/selects/tree.js';
import { urlEncode } from '../../runtime/transformations/s-codes.js';
import {
  type AltKind,
  altName,
  cipherBits,
  cipherDescription,
  type NamePart,
  namePart,
  oneLine,
  serialNumber,
  type Verdict,
  verdictIs,
  versionOf,
} from './certificate.js';
import { streamOf } from './stream.js';

type Get = (ctx: Context) => string | number | null;
type Side = 'peer' | 'my';

const of =
  <T>(read: (stream: TLSSocket) => T | null) =>
  (ctx: Context): T | null => {
    const stream = streamOf(ctx);
    return stream === undefined ? null : read(stream);
  };

function certificate(side: Side, read: (certificate: X509Certificate) => string | null): Get {
  return (ctx) => {
    const stream = streamOf(ctx);
    if (stream === undefined) return null;
    const found = side === 'peer' ? stream.getPeerX509Certificate() : stream.getX509Certificate();
    if (found !== undefined) return read(found);
    ctx.host.log.write(LEVEL.ERR, 'tls', `Unable to retrieve ${side} TLS certificate from SSL structure\n`);
    return null;
  };
}

const version = of((stream) => stream.getProtocol());
const cipher = of((stream) => stream.getCipher().name);
const bits = of((stream) => cipherBits(stream.getCipher().name));
const description = of((stream) => {
  const { name, version: since } = stream.getCipher();
  return cipherDescription(name, since);
});
const serverName = of((stream) => (typeof stream.servername === 'string' ? stream.servername : null));
const verdict = (wanted: Verdict) => of((stream) => (verdictIs(stream, wanted) ? 1 : 0));

const PEM = (c: X509Certificate): string => c.toString();
const ENCODED = (c: X509Certificate): string => urlEncode(PEM(c));

const PARTS: Readonly<Record<string, NamePart>> = {
  cn: 'CN',
  locality: 'L',
  country: 'C',
  state: 'ST',
  organization: 'O',
  unit: 'OU',
};
const ALTS: Readonly<Record<string, AltKind>> = { email: 'email', hostname: 'DNS', uri: 'URI', ip: 'IP Address' };
const WHOSE: Readonly<Record<Side, string>> = { peer: 'the other side', my: 'this side' };

function ofSide(side: Side): Record<string, PvDefinition> {
  const out: Record<string, PvDefinition> = {};
  const add = (name: string, doc: string, read: (c: X509Certificate) => string | null) => {
    out[`tls_${side}_${name}`] = pv(`${doc} of the certificate of ${WHOSE[side]}.`, certificate(side, read));
  };
  add('raw_cert', 'The PEM text', PEM);
  add('urlencoded_cert', 'The PEM text, percent-encoded,', ENCODED);
  add('version', 'The version field (2 is X.509 v3)', versionOf);
  add('serial', 'The serial number', serialNumber);
  // 5.6.3 looks for a part that no certificate has.
  for (const whole of ['subject', 'issuer'])
    add(whole, `Always null, as in 5.6.3: the ${whole} without a part`, () => null);
  for (const [name, part] of Object.entries(PARTS)) {
    add(`subject_${name}`, `${part} in the subject`, (c) => namePart(c.subject, part));
    add(`issuer_${name}`, `${part} in the issuer`, (c) => namePart(c.issuer, part));
  }
  add('subject_uid', 'UID in the subject', (c) => namePart(c.subject, 'UID'));
  for (const [name, kind] of Object.entries(ALTS)) add(`san_${name}`, `First ${kind} name`, (c) => altName(c, kind));
  return out;
}

export const tlsVariables: Readonly<Record<string, PvDefinition>> = {
  tls_version: pv('Protocol version of the connection.', version),
  tls_description: pv('Line of OpenSSL about the cipher.', description),
  tls_cipher_info: pv('Name of the cipher.', cipher),
  tls_cipher_bits: pv('Bits of its key.', bits),
  ...ofSide('peer'),
  ...ofSide('my'),
  tls_peer_verified: pv('1: the other side showed a certificate, and it is good.', verdict('verified')),
  tls_peer_revoked: pv('1: its certificate was revoked.', verdict('revoked')),
  tls_peer_expired: pv('1: its certificate has expired.', verdict('expired')),
  tls_peer_selfsigned: pv('1: its certificate is signed by itself.', verdict('selfSigned')),
  tls_peer_notBefore: pv(
    'Since when its certificate counts.',
    certificate('peer', (c) => c.validFrom),
  ),
  tls_peer_notAfter: pv(
    'Until when its certificate counts.',
    certificate('peer', (c) => c.validTo),
  ),
  tls_peer_server_name: pv('The name that the client asked for (SNI).', serverName),
  tls: pvTable('Subject and issuer in one line: m_ of this side, p_ of the other.', {
    m_subject_line: certificate('my', (c) => oneLine(c.subject)),
    m_issuer_line: certificate('my', (c) => oneLine(c.issuer)),
    p_subject_line: certificate('peer', (c) => oneLine(c.subject)),
    p_issuer_line: certificate('peer', (c) => oneLine(c.issuer)),
  }),
};

const text =
  (get: Get) =>
  (ctx: Context): string | null => {
    const value = get(ctx);
    return value === null ? null : String(value);
  };
const end = (get: Get): Place => leaf(text(get));

/** The same place under several names. */
const under = (names: string, place: Place): Record<string, Place> =>
  Object.fromEntries(names.split(' ').map((name) => [name, place]));

function nameTree(side: Side, name: (c: X509Certificate) => string): Place {
  const part = (which: NamePart): Get => certificate(side, (c) => namePart(name(c), which));
  return tree(text(part('CN')), {
    ...under('cn commonName common_name name', end(part('CN'))),
    ...under('l localityName locality_name locality', end(part('L'))),
    ...under('c countryName country_name country', end(part('C'))),
    ...under('st stateOrProvinceName state_or_province_name state', end(part('ST'))),
    ...under('o organizationName organization_name organization', end(part('O'))),
    ...under('ou organizationalUnitName organizational_unit_name unit', end(part('OU'))),
    ...under('uid uniqueIdentifier unique_identifier', end(part('UID'))),
  });
}

/** PEM text of a certificate of the other side's verified chain: 0 is its own, the last one the root. */
const chainPlace: Place = (path) => {
  const [index, ...rest] = path;
  if (typeof index !== 'number') return { error: 'a number in brackets must follow' };
  const read = of((stream) => {
    if (!stream.authorized) return null;
    const raw = verifiedChain(stream)[index];
    return raw === undefined ? null : PEM(new X509Certificate(raw));
  });
  return leaf(read)(rest);
};

function verifiedChain(stream: TLSSocket): Buffer[] {
  const chain: Buffer[] = [];
  const first = stream.getPeerCertificate(true);
  for (let at = first; at?.raw !== undefined; at = at.issuerCertificate) {
    if (chain.some((raw) => raw.equals(at.raw))) break;
    chain.push(at.raw);
  }
  return chain;
}

function certificateTree(side: Side): Place {
  const read = (get: (c: X509Certificate) => string | null): Place => end(certificate(side, get));
  const alt = (kind: AltKind): Place => read((c) => altName(c, kind));
  // Of one's own certificate nothing is known to be checked.
  const checked = (wanted: Verdict): Place => end(side === 'peer' ? verdict(wanted) : () => null);
  return tree(text(certificate(side, (c) => namePart(c.subject, 'CN'))), {
    ...under(
      'subject subj',
      nameTree(side, (c) => c.subject),
    ),
    issuer: nameTree(side, (c) => c.issuer),
    verified: checked('verified'),
    revoked: checked('revoked'),
    expired: checked('expired'),
    self_signed: checked('selfSigned'),
    version: read(versionOf),
    verified_cert_chain: chainPlace,
    ...under('rawCert raw_cert', read(PEM)),
    ...under('URLEncodedCert urlencoded_cert', read(ENCODED)),
    ...under('sn serialNumber serial_number', read(serialNumber)),
    ...under(
      'notBefore not_before',
      read((c) => c.validFrom),
    ),
    ...under(
      'notAfter not_after',
      read((c) => c.validTo),
    ),
    ...under('email emailAddress email_address', alt('email')),
    ...under('host hostname dns', alt('DNS')),
    ...under('uri url urn', alt('URI')),
    ...under('ip IPAddress ip_address', alt('IP Address')),
  });
}

const tlsPlace = tree(undefined, {
  version: end(version),
  ...under('desc description', end(description)),
  cipher: tree(text(cipher), { bits: end(bits) }),
  ...under('serverName server_name', end(serverName)),
  peer: certificateTree('peer'),
  ...under('my me myself', certificateTree('my')),
});

export const tlsSelects: Readonly<Record<string, SelectDefinition>> = {
  tls: select('The TLS connection that the message came over, and the certificates of both sides.', tlsPlace),
};
