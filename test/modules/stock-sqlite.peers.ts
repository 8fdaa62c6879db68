/**
 * The kamailio.cfg of Debian's package, as it is, with each of its features, over SQLite: what callers and callees see is what
 * they see with Kamailio on the same file.
 */
import { makeSqlite } from '../support/databases.js';
import { stockTests } from '../support/stock-features.js';

stockTests(['WITH_AUTH', 'WITH_USRLOCDB', 'WITH_ACCDB', 'all at once'], makeSqlite, ['--loadmodule=db_sqlite.so']);
