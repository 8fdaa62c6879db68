/** Certificates of module tls: its parameters, or a file as tls.cfg. */
import { readdirSync, readFileSync } from 'node:fs';
import { isIP } from 'node:net';
import path from 'node:path';
import type { SecureVersion } from 'node:tls';
import { ipBytes } from '../../sip/ip.js';
import type { TlsChoice, TlsOptions, TlsSource } from '../../sip/tls.js';
import type { ListenSocket } from '../../sip/transport.js';

/** One section's values, by Kamailio's names. */
export type Values = Readonly<Record<string, string>>;

export interface Section {
  readonly kind: 'server' | 'client';
  readonly address: string;
  readonly values: Values;
  /** File and line. */
  readonly place: string;
}

const METHODS: Readonly<Record<string, { min: SecureVersion; max?: SecureVersion }>> = {
  tlsv1: { min: 'TLSv1', max: 'TLSv1' },
  'tlsv1+': { min: 'TLSv1' },
  'tlsv1.1': { min: 'TLSv1.1', max: 'TLSv1.1' },
  'tlsv1.1+': { min: 'TLSv1.1' },
  'tlsv1.2': { min: 'TLSv1.2', max: 'TLSv1.2' },
  'tlsv1.2+': { min: 'TLSv1.2' },
  'tlsv1.3': { min: 'TLSv1.3', max: 'TLSv1.3' },
  'tlsv1.3+': { min: 'TLSv1.3' },
  sslv23: { min: 'TLSv1' },
  any: { min: 'TLSv1' },
};

export function knownMethod(name: string): boolean {
  return name.toLowerCase() in METHODS;
}

/** Keys that a section may have. */
const KEYS = new Set([
  'method',
  'verify_certificate',
  'require_certificate',
  'private_key',
  'certificate',
  'ca_list',
  'server_name',
  'cipher_list',
  'server_name_mode',
  'verify_depth',
  'crl',
  'ca_path',
  'verify_client',
  'server_id',
]);

/** Sections of a tls.cfg; throws an Error with file and line for what is wrong. */
export function parseTlsFile(text: string, file: string): Section[] {
  const sections: (Section & { values: Record<string, string> })[] = [];
  text.split(/\r?\n/).forEach((raw, i) => {
    const line = raw.replace(/^\s*[#;].*$/, '').trim();
    if (line === '') return;
    const wrong = (why: string) => new Error(`${file}:${i + 1}: ${why}`);
    const head = /^\[(server|client):(.+)\]$/i.exec(line);
    if (head !== null) {
      sections.push({
        kind: head[1]!.toLowerCase() as Section['kind'],
        address: head[2]!.trim(),
        values: {},
        place: `${file}:${i + 1}`,
      });
      return;
    }
    const [, key = '', value = ''] = /^([a-z_]+)\s*=\s*(.*)$/i.exec(line) ?? [];
    const section = sections.at(-1);
    if (section === undefined) throw wrong('a value before the first [server:…] or [client:…]');
    if (!KEYS.has(key.toLowerCase())) throw wrong(`unknown setting '${key || line}'`);
    section.values[key.toLowerCase()] = value.replace(/^"(.*)"$/, '$1');
  });
  return sections;
}

const isOn = (v: string | undefined) => v !== undefined && /^(1|yes|on|true|enable)$/i.test(v);

/** Values of verify_client, which says in one word what require_certificate and verify_certificate say in two. */
const VERIFY_CLIENT: Readonly<Record<string, Partial<TlsOptions>>> = {
  off: {},
  on: { requireCertificate: true, verifyCertificate: true },
  optional: { verifyCertificate: true },
  optional_no_ca: { requestCertificate: true },
};

export const knownVerifyClient = (text: string): boolean => Object.hasOwn(VERIFY_CLIENT, text.toLowerCase());

/** Reads the files of one section; paths are relative to `folder`. Throws the system's error when one is not there. */
export function optionsOf(values: Values, folder: string): TlsOptions {
  const read = (name: string | undefined) =>
    name === undefined || name === '' ? undefined : readFileSync(path.resolve(folder, name));
  const method = METHODS[(values.method ?? 'TLSv1.2+').toLowerCase()] ?? METHODS['tlsv1.2+']!;
  const authorities = [read(values.ca_list), ...filesOf(values.ca_path, folder)].filter((b) => b !== undefined);
  const crl = read(values.crl);
  return {
    certificate: read(values.certificate) ?? '',
    privateKey: read(values.private_key) ?? '',
    ...(authorities.length === 0 ? {} : { caList: authorities }),
    ...(crl === undefined ? {} : { crl }),
    requireCertificate: isOn(values.require_certificate),
    verifyCertificate: isOn(values.verify_certificate),
    ...VERIFY_CLIENT[values.verify_client?.toLowerCase() ?? ''],
    ...(values.cipher_list ? { cipherList: values.cipher_list } : {}),
    ...(values.server_name ? { serverName: values.server_name } : {}),
    minVersion: method.min,
    ...(method.max ? { maxVersion: method.max } : {}),
  };
}

/** All certificates in the folder of ca_path. */
function filesOf(name: string | undefined, folder: string): Buffer[] {
  if (name === undefined || name === '') return [];
  const at = path.resolve(folder, name);
  return readdirSync(at, { withFileTypes: true })
    .filter((entry) => !entry.isDirectory())
    .map((entry) => readFileSync(path.join(at, entry.name)))
    .filter((bytes) => bytes.includes('-----BEGIN '));
}

/** How server_name fits what a client asks for. */
type NameMode = 'equal' | 'equal or below' | 'below';
const NAME_MODES: Readonly<Record<string, NameMode>> = { 0: 'equal', 1: 'equal or below', 2: 'below' };

/** One section of a tls.cfg, ready to be used. */
interface Profile {
  readonly kind: Section['kind'];
  /** `default`, `any`, or an address. */
  readonly address: 'default' | 'any' | { readonly ip: string; readonly port: number };
  readonly serverName: string | undefined;
  readonly mode: NameMode;
  readonly serverId: string | undefined;
  readonly options: TlsOptions;
}

function addressOf(text: string, where: string): Profile['address'] {
  const name = text.toLowerCase();
  if (name === 'default') return 'default';
  if (/^any(:any)?$/.test(name)) return 'any';
  const [, bracketed, plain, port = '0'] = /^(?:\[([^\]]+)\]|([^:]+))(?::(\d+))?$/.exec(text) ?? [];
  const ip = bracketed ?? plain;
  if (ip === undefined || isIP(ip) === 0) throw new Error(`${where}: '${text}' is no default, any or IP:PORT`);
  return { ip: canonicalIp(ip), port: Number(port) };
}

function profileOf(section: Section, folder: string): Profile {
  const { kind, values } = section;
  const where = `${section.place}: [${kind}:${section.address}]`;
  const address = addressOf(section.address, where);
  const serverName = values.server_name || undefined;
  if (address === 'any' && serverName === undefined && kind === 'server')
    throw new Error(`${where}: for any address it needs a server_name`);
  if (values.verify_client !== undefined && !knownVerifyClient(values.verify_client))
    throw new Error(`${where}: verify_client is off, on, optional or optional_no_ca`);
  return {
    kind,
    address,
    serverName: serverName?.toLowerCase(),
    mode: NAME_MODES[values.server_name_mode ?? '0'] ?? 'equal',
    serverId: values.server_id?.toLowerCase() || undefined,
    options: optionsOf(values, folder),
  };
}

/** Certificates and settings by what a connection is: the sections of a tls.cfg, or the module's parameters alone. */
export class TlsProfiles {
  readonly #profiles: readonly Profile[];
  readonly #server: TlsOptions;
  readonly #client: TlsOptions;

  /** `fallback`: where there is no section `default`. */
  constructor(sections: readonly Section[], fallback: Values, folder: string) {
    this.#profiles = sections.map((section) => profileOf(section, folder));
    const of = (kind: Section['kind']) =>
      this.#profiles.find((p) => p.kind === kind && p.address === 'default' && p.serverName === undefined)?.options ??
      this.#profiles.find((p) => p.kind === kind && p.address === 'default')?.options ??
      this.#profiles.find((p) => p.kind === kind && p.serverName === undefined && p.serverId === undefined)?.options;
    this.#server = of('server') ?? optionsOf(fallback, folder);
    this.#client = of('client') ?? (sections.length === 0 ? this.#server : NO_CERTIFICATE);
  }

  /** Names that sections of servers have, for tls.options. */
  get names(): string[] {
    return this.#profiles.flatMap((p) => (p.kind === 'server' && p.serverName !== undefined ? [p.serverName] : []));
  }

  /** For a listener. */
  source(socket: ListenSocket, connected?: TlsSource['connected']): TlsSource {
    const here = this.#profiles.filter((p) => p.kind === 'server' && fits(p.address, socket.ip, socket.port));
    const named = here.filter((p) => p.serverName !== undefined);
    const own = here.find((p) => p.serverName === undefined && p.address !== 'any' && p.address !== 'default');
    return {
      server: own?.options ?? this.#server,
      others: named.map((p) => p.options),
      named: (name) => named.find((p) => nameFits(p, name.toLowerCase()))?.options,
      client: (to, choice) => this.#clientFor(to.ip, to.port, choice),
      ...(connected === undefined ? {} : { connected }),
    };
  }

  #clientFor(ip: string, port: number, { serverName, serverId }: TlsChoice): TlsOptions {
    const clients = this.#profiles.filter((p) => p.kind === 'client' && p.address !== 'default');
    const id = serverId?.toLowerCase();
    const name = serverName?.toLowerCase();
    const found = clients.find(
      (p) =>
        (id !== undefined && p.serverId === id) ||
        (fits(p.address, ip, port) &&
          (name !== undefined && p.serverName !== undefined ? nameFits(p, name) : p.address !== 'any')),
    );
    const options = found?.options ?? this.#client;
    return serverName === undefined ? options : { ...options, serverName };
  }
}

/** Two spellings of one IPv6 address are one. */
const canonicalIp = (ip: string): string => ipBytes(ip)?.join('.') ?? ip;

/** What a connection that begins here has where tls.cfg says nothing of clients. */
const NO_CERTIFICATE: TlsOptions = { certificate: '', privateKey: '', minVersion: 'TLSv1.2' };

const fits = (address: Profile['address'], ip: string, port: number): boolean =>
  typeof address === 'string' || (address.ip === canonicalIp(ip) && (address.port === 0 || address.port === port));

function nameFits({ serverName = '', mode }: Profile, name: string): boolean {
  return (mode !== 'below' && name === serverName) || (mode !== 'equal' && name.endsWith(`.${serverName}`));
}
