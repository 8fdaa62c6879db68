/** Certificates of module tls: its parameters, or a file as tls.cfg. */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import type { SecureVersion } from 'node:tls';
import type { TlsOptions } from '../../sip/tls.js';

export interface TlsProfiles {
  readonly server: TlsOptions;
  readonly client: TlsOptions;
  /** By server_name. */
  readonly names: ReadonlyMap<string, TlsOptions>;
}

/** One section's values, by Kamailio's names. */
export type Values = Readonly<Record<string, string>>;

interface Section {
  readonly kind: 'server' | 'client';
  readonly address: string;
  readonly values: Values;
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

/** Keys that a section may have; `*` marks those that mean nothing here. */
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
  const sections: { kind: Section['kind']; address: string; values: Record<string, string> }[] = [];
  text.split(/\r?\n/).forEach((raw, i) => {
    const line = raw.replace(/^\s*[#;].*$/, '').trim();
    if (line === '') return;
    const wrong = (why: string) => new Error(`${file}:${i + 1}: ${why}`);
    const head = /^\[(server|client):(.+)\]$/i.exec(line);
    if (head !== null) {
      sections.push({ kind: head[1]!.toLowerCase() as Section['kind'], address: head[2]!.trim(), values: {} });
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

/** Reads the files of one section; paths are relative to `folder`. Throws the system's error when one is not there. */
export function optionsOf(values: Values, folder: string): TlsOptions {
  const read = (name: string | undefined) =>
    name === undefined || name === '' ? undefined : readFileSync(path.resolve(folder, name));
  const method = METHODS[(values.method ?? 'TLSv1.2+').toLowerCase()] ?? METHODS['tlsv1.2+']!;
  const ca = read(values.ca_list);
  return {
    certificate: read(values.certificate) ?? '',
    privateKey: read(values.private_key) ?? '',
    ...(ca === undefined ? {} : { caList: ca }),
    requireCertificate: isOn(values.require_certificate),
    verifyCertificate: isOn(values.verify_certificate),
    ...(values.cipher_list ? { cipherList: values.cipher_list } : {}),
    minVersion: method.min,
    ...(method.max ? { maxVersion: method.max } : {}),
  };
}

/** What a tls.cfg gives: its default sections, and those with a server_name. */
export function profilesOf(sections: readonly Section[], fallback: Values, folder: string): TlsProfiles {
  const find = (kind: Section['kind']) =>
    sections.find((s) => s.kind === kind && s.address.toLowerCase() === 'default') ??
    sections.find((s) => s.kind === kind && !s.values.server_name);
  const server = optionsOf(find('server')?.values ?? fallback, folder);
  const client = find('client');
  const named = sections.filter((s) => s.kind === 'server' && s.values.server_name);
  return {
    server,
    client: client === undefined ? server : optionsOf(client.values, folder),
    names: new Map(named.map((s) => [s.values.server_name!, optionsOf(s.values, folder)])),
  };
}
