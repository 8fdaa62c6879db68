/** What permissions has loaded: rules by file, addresses, trusted peers. */
import { existsSync, readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { besideScript } from '../../runtime/beside.js';
import { type Database, DbError, openDatabase } from '../../runtime/database.js';
import { type Host, LEVEL, stateKey } from '../../runtime/host.js';
import { checkTableVersion } from '../sql/version.js';
import { type AddressEntry, AddressTable, addressEntry, parseAddressFile } from './addresses.js';
import { BACKEND, type PermissionsParams, permissionsParams } from './params.js';
import { parseRules, type Rule } from './rules.js';
import { type Peer, peersBySource, readPeers } from './trusted.js';

/** Of both tables. */
const TABLE_VERSION = 6;

export class Permissions {
  readonly host: Host;
  addresses: AddressTable | undefined;
  /** With db_mode 1: all peers, by their source. */
  peers: ReadonlyMap<string, readonly Peer[]> | undefined;
  /** With db_mode 0: asked at each call. */
  database: Database | undefined;
  /** Milliseconds since the epoch. */
  lastReload = 0;
  readonly #files = new Map<string, readonly Rule[]>();

  constructor(host: Host) {
    this.host = host;
  }

  get params(): PermissionsParams {
    return permissionsParams(this.host.program);
  }

  #path(name: string): string {
    return besideScript(this.host.program, name);
  }

  /** The rules of a file, read once; none where it cannot be read. */
  rules(name: string): readonly Rule[] {
    const file = this.#path(name);
    const known = this.#files.get(file);
    if (known !== undefined) return known;
    const rules = this.#readRules(file);
    this.#files.set(file, rules);
    return rules;
  }

  /** Has the file been used, or can it be? */
  knowsRules(name: string): boolean {
    const file = this.#path(name);
    return this.#files.has(file) || existsSync(file);
  }

  #readRules(file: string): readonly Rule[] {
    const { log } = this.host;
    let text: string;
    try {
      text = readFileSync(file, 'latin1');
    } catch {
      log.write(LEVEL.INFO, 'permissions', `file (${file}) not found => empty rule set\n`);
      return [];
    }
    const { rules, bad } = parseRules(text);
    for (const line of bad) log.write(LEVEL.ERR, 'permissions', `failed to parse line: ${line}\n`);
    return rules;
  }

  /** Drops the rules: they are read again where they are asked for. */
  forgetRules(): void {
    this.#files.clear();
  }

  /** Everything at start. Rejects where a table or file cannot be had. */
  async load(): Promise<void> {
    const { load_backends, db_url, db_mode, address_file } = this.params;
    if ((load_backends & BACKEND.ADDRESS) !== 0 && (address_file || db_url)) await this.loadAddresses();
    if ((load_backends & BACKEND.TRUSTED) === 0 || !db_url) return;
    if (db_mode === 1) return await this.loadPeers();
    await this.database?.close();
    this.database = await openDatabase(this.host, db_url);
    await checkTableVersion(this.database, this.params.trusted_table, TABLE_VERSION);
  }

  async loadAddresses(): Promise<void> {
    const { address_file, db_url } = this.params;
    if (address_file) this.addresses = new AddressTable(await this.#fileEntries(this.#path(address_file)));
    else if (db_url) this.addresses = new AddressTable(await this.#tableEntries(db_url));
    else throw new DbError('neither address_file nor db_url is set');
  }

  async #fileEntries(file: string): Promise<readonly AddressEntry[]> {
    const parsed = parseAddressFile(await readFile(file, 'latin1'));
    if ('badLine' in parsed) throw new DbError(`${file}, line ${parsed.badLine}: not 'group address mask port tag'`);
    return parsed.entries;
  }

  async #tableEntries(url: string): Promise<readonly AddressEntry[]> {
    const { address_table: table, grp_col, ip_addr_col, mask_col, port_col, tag_col } = this.params;
    const db = await openDatabase(this.host, url);
    try {
      await checkTableVersion(db, table, TABLE_VERSION);
      const { rows } = await db.query({ table, columns: [grp_col, ip_addr_col, mask_col, port_col, tag_col] });
      return rows.map(([group, address, mask, port, tag]) => {
        const entry = addressEntry(
          Number(group),
          `${address ?? ''}`,
          Number(mask),
          Number(port),
          tag === null || tag === undefined ? undefined : `${tag}`,
        );
        if (entry === undefined || !(Number(group) > 0) || entry.address === '')
          throw new DbError(`invalid record in table ${table}: ${group} ${address} ${mask} ${port}`);
        return entry;
      });
    } finally {
      await db.close();
    }
  }

  async loadPeers(): Promise<void> {
    const { db_url, db_mode } = this.params;
    if (!db_url) throw new DbError('db_url is not set');
    if (db_mode !== 1) throw new DbError('the peers are not kept in memory (db_mode)');
    const db = await openDatabase(this.host, db_url);
    try {
      await checkTableVersion(db, this.params.trusted_table, TABLE_VERSION);
      this.peers = peersBySource(await readPeers(db, this.params));
    } finally {
      await db.close();
    }
  }
}

export const PERMISSIONS = stateKey<Permissions>('permissions');
