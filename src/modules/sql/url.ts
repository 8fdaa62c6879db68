/** `user:password@host:port/database`, all but the database optional: what follows `mysql://` in a db_url. */
import { DbError } from '../../runtime/database.js';

export interface ServerPlace {
  readonly user: string | undefined;
  readonly password: string | undefined;
  readonly host: string;
  /** 0: the usual one. */
  readonly port: number;
  readonly database: string;
}

const FORM = /^(?:([^:@/]*)(?::(.*))?@)?(\[[^\]]*\]|[^:/]*)(?::(\d+))?\/(.+)$/s;

/** Throws a DbError. The password may hold any character. */
export function parsePlace(place: string): ServerPlace {
  const [, user, password, host = '', port = '0', database = ''] = FORM.exec(place) ?? [];
  if (database === '') throw new DbError('the database URL has no name of a database: user:password@host/database');
  return { user, password, host: host.replace(/^\[(.*)\]$/, '$1') || 'localhost', port: Number(port), database };
}
