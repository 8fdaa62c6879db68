/** The kamailio.cfg of Debian's package over PostgreSQL, with all of its features at once, beside Kamailio. */
import { startPostgres } from '../support/databases.js';
import { stockTests } from '../support/stock-features.js';

stockTests(['all at once'], startPostgres, ['--loadmodule=db_postgres.so']);
