/**
 * Throwaway MariaDB and PostgreSQL servers on 127.0.0.1 with the tables of Kamailio's own packages, for tests with real
 * peers. Debian: mariadb-server, postgresql, kamailio-mysql-modules, kamailio-postgres-modules.
 */
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export interface ThrowawayDatabase {
  /** A db_url. */
  readonly url: string;
  /** Runs statements; gives the rows of the last that has any, columns apart by tabs, NULL as `NULL`. */
  sql(statements: string): Promise<string[]>;
  /** Waits for the end of the server's process; its files go. */
  stop(): Promise<void>;
}

/** One that is a process of its own. */
export interface DatabaseServer extends ThrowawayDatabase {
  /** kill -9; its files stay. */
  kill(): Promise<void>;
  /** Again, after `kill`. */
  start(): Promise<void>;
}

const SCHEMAS = '/usr/share/kamailio';
/** As kamdbctl gives them. */
const USER = 'kamailio';
const PASSWORD = 'kamailiorw';
const START_LIMIT = 60_000;

/** The groups of tables that the modules of this project read; kamdbctl makes them too. */
const TABLES = [
  'standard',
  'acc',
  'alias_db',
  'auth_db',
  'avpops',
  'dialog',
  'dispatcher',
  'domain',
  'group',
  'htable',
  'mtree',
  'permissions',
  'pipelimit',
  'presence',
  'registrar',
  'rtpproxy',
  'speeddial',
  'uri_db',
  'usrloc',
];

/** The schema of one kind of database, as its package ships it. */
function schema(kind: 'mysql' | 'postgres' | 'db_sqlite'): string {
  const folder = join(SCHEMAS, kind);
  if (!existsSync(folder)) throw new Error(`${folder} is not there: .ci/run installs its package`);
  const files = TABLES.map((name) => join(folder, `${name}-create.sql`)).filter((file) => existsSync(file));
  return files.map((file) => readFileSync(file, 'utf8')).join('\n');
}

interface Output {
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
}

function execute(bin: string, args: readonly string[], input = ''): Promise<Output> {
  return new Promise((resolve) => {
    const child = execFile(bin, args, { encoding: 'utf8', maxBuffer: 1e8, timeout: START_LIMIT }, (e, stdout, stderr) =>
      resolve({
        status: e === null ? 0 : typeof e.code === 'number' ? e.code : 1,
        stdout,
        stderr: stderr || `${e ?? ''}`,
      }),
    );
    child.stdin?.on('error', () => undefined);
    child.stdin?.end(input);
  });
}

async function must(bin: string, args: readonly string[], input?: string): Promise<string> {
  const { status, stdout, stderr } = await execute(bin, args, input);
  if (status !== 0) throw new Error(`${bin} ${args.join(' ')}: ${stderr.slice(-2000)}`);
  return stdout;
}

const linesOf = (text: string): string[] => text.split('\n').filter((line) => line !== '');

/** A TCP port of 127.0.0.1 that nobody has. */
export function freeTcpPort(): Promise<number> {
  const server = createServer();
  return new Promise((resolve, reject) => {
    server.on('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => resolve(typeof address === 'object' && address !== null ? address.port : 0));
    });
  });
}

interface Running {
  readonly child: ChildProcess;
  readonly said: () => string;
}

const running = new Set<ChildProcess>();
process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});

function launch(bin: string, args: readonly string[]): Running {
  const child = spawn(bin, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  let text = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream?.on('data', (d: Buffer) => {
      text += d.toString('latin1');
    });
  }
  running.add(child);
  child.on('close', () => running.delete(child));
  child.on('error', (e) => {
    text += e.message;
  });
  return { child, said: () => text };
}

async function until(server: Running, there: () => Promise<boolean>): Promise<void> {
  const begin = Date.now();
  while (!(await there())) {
    if (server.child.exitCode !== null || Date.now() - begin > START_LIMIT)
      throw new Error(`the database server does not start:\n${server.said().slice(-2000)}`);
    await new Promise((done) => setTimeout(done, 200));
  }
}

/** A database server on files in `dir`. */
class Service {
  readonly #dir: string;
  readonly #command: readonly [string, ...string[]];
  readonly #there: () => Promise<boolean>;
  #running: Running | undefined;

  constructor(dir: string, command: readonly [string, ...string[]], there: () => Promise<boolean>) {
    this.#dir = dir;
    this.#command = command;
    this.#there = there;
  }

  async start(): Promise<void> {
    const [bin, ...args] = this.#command;
    this.#running = launch(bin, args);
    await until(this.#running, this.#there);
  }

  #end(signal: 'SIGTERM' | 'SIGKILL'): Promise<void> {
    const child = this.#running?.child;
    return new Promise((resolve) => {
      if (child === undefined || child.exitCode !== null || child.signalCode !== null) return resolve();
      child.once('close', () => resolve());
      child.kill(signal);
    });
  }

  kill = () => this.#end('SIGKILL');

  async stop(): Promise<void> {
    await this.#end('SIGTERM');
    rmSync(this.#dir, { recursive: true, force: true });
  }
}

const asRoot = process.getuid?.() === 0;

export async function startMariadb(): Promise<DatabaseServer> {
  const dir = mkdtempSync(join(tmpdir(), 'mariadb-'));
  const data = join(dir, 'data');
  const port = await freeTcpPort();
  const user = asRoot ? ['--user=root'] : [];
  await must('mariadb-install-db', [
    '--no-defaults',
    `--datadir=${data}`,
    '--auth-root-authentication-method=normal',
    '--skip-test-db',
    // two at once would take each other's files
    `--tmpdir=${dir}`,
    ...user,
  ]);
  const client = ['--no-defaults', '--protocol=tcp', '-h127.0.0.1', `-P${port}`];
  const root = [...client, '-uroot'];
  const command = [
    'mariadbd',
    '--no-defaults',
    `--datadir=${data}`,
    `--port=${port}`,
    '--bind-address=127.0.0.1',
    `--socket=${join(dir, 'socket')}`,
    `--pid-file=${join(dir, 'pid')}`,
    `--tmpdir=${dir}`,
    '--innodb-buffer-pool-size=32M',
    '--skip-name-resolve',
    ...user,
  ] as const;
  const there = async () => (await execute('mariadb', [...root, '-e', 'SELECT 1'])).status === 0;
  const server = new Service(dir, command, there);
  await server.start();
  await must(
    'mariadb',
    root,
    `CREATE DATABASE kamailio CHARACTER SET latin1;
     CREATE USER '${USER}'@'127.0.0.1' IDENTIFIED BY '${PASSWORD}'; GRANT ALL ON kamailio.* TO '${USER}'@'127.0.0.1';
     CREATE USER 'kamailioro'@'127.0.0.1' IDENTIFIED BY 'kamailioro'; GRANT SELECT ON kamailio.* TO 'kamailioro'@'127.0.0.1';
     USE kamailio; ${schema('mysql')}`,
  );
  return {
    url: `mysql://${USER}:${PASSWORD}@127.0.0.1:${port}/kamailio`,
    sql: async (statements) => linesOf(await must('mariadb', [...root, '-N', '-B', 'kamailio'], statements)),
    kill: server.kill,
    start: () => server.start(),
    stop: () => server.stop(),
  };
}

/** PostgreSQL's own programs, of the newest version that is there. */
function postgresBin(): string {
  const base = '/usr/lib/postgresql';
  const newest = existsSync(base) ? readdirSync(base).sort((a, b) => Number(b) - Number(a))[0] : undefined;
  if (newest === undefined) throw new Error(`${base} is not there: .ci/run installs postgresql`);
  return join(base, newest, 'bin');
}

export async function startPostgres(): Promise<DatabaseServer> {
  const dir = mkdtempSync(join(tmpdir(), 'postgres-'));
  const data = join(dir, 'data');
  const port = await freeTcpPort();
  const bin = postgresBin();
  mkdirSync(data);
  // it will not run as root
  const by = asRoot ? ['setpriv', '--reuid=postgres', '--regid=postgres', '--clear-groups'] : ['env'];
  if (asRoot) {
    chmodSync(dir, 0o755);
    await must('chown', ['postgres', data]);
  }
  const [as = 'env', ...flags] = by;
  await must(as, [...flags, join(bin, 'initdb'), '-D', data, '-A', 'trust', '-U', 'root', '-E', 'UTF8', '--no-sync']);
  const place = ['-D', data, '-p', `${port}`, '-h', '127.0.0.1', '-k', data];
  const psql = (database: string) => ['-q', '-h', '127.0.0.1', '-p', `${port}`, '-U', 'root', '-d', database];
  const strict = ['-v', 'ON_ERROR_STOP=1'];
  const there = async () => (await execute('psql', [...psql('postgres'), '-c', 'SELECT 1'])).status === 0;
  const server = new Service(dir, [as, ...flags, join(bin, 'postgres'), ...place], there);
  await server.start();
  await must('psql', [...psql('postgres'), '-c', `CREATE ROLE ${USER} LOGIN SUPERUSER PASSWORD '${PASSWORD}'`]);
  await must('psql', [...psql('postgres'), '-c', `CREATE DATABASE kamailio OWNER ${USER}`]);
  await must('psql', [...psql('kamailio'), ...strict], schema('postgres'));
  return {
    url: `postgres://${USER}:${PASSWORD}@127.0.0.1:${port}/kamailio`,
    sql: async (statements) => {
      const flat = ['-A', '-t', '-F', '\t', '-P', 'null=NULL'];
      return linesOf(await must('psql', [...psql('kamailio'), ...strict, ...flat], statements));
    },
    kill: server.kill,
    start: () => server.start(),
    stop: () => server.stop(),
  };
}

/** A file with the tables of kamailio-sqlite-modules, by the program sqlite3 where it is there, else by libsql. */
export async function makeSqlite(): Promise<ThrowawayDatabase> {
  const { default: Database } = await import('libsql');
  const dir = mkdtempSync(join(tmpdir(), 'sqlite-'));
  const file = join(dir, 'kamailio.sqlite');
  const run = (work: (db: InstanceType<typeof Database>) => string[]): string[] => {
    const db = new Database(file, { timeout: 5000 });
    try {
      return work(db);
    } finally {
      db.close();
    }
  };
  run((db) => {
    db.exec('PRAGMA journal_mode=WAL');
    db.exec(schema('db_sqlite'));
    return [];
  });
  return {
    // two slashes of the URL's own, one before the path's own
    url: `sqlite:///${file}`,
    sql: async (statements) =>
      run((db) => {
        const parts = statements.split(/;\s*(?:\n|$)/).filter((s) => s.trim() !== '');
        let rows: string[] = [];
        for (const part of parts) {
          const statement = db.prepare<unknown[]>(part);
          if (!statement.reader) statement.run();
          else rows = (statement.raw(true).all() as unknown[][]).map((r) => r.map((v) => v ?? 'NULL').join('\t'));
        }
        return rows;
      }),
    stop: async () => rmSync(dir, { recursive: true, force: true }),
  };
}
