/**
 * The kamailio.cfg of Debian's package, as it is, with each of its features, over MariaDB: what callers and callees see is what
 * they see with Kamailio on the same file.
 */
import { startMariadb } from '../support/databases.js';
import { FEATURES, type FeatureName, stockTests } from '../support/stock-features.js';

stockTests(Object.keys(FEATURES) as FeatureName[], startMariadb, ['-A', 'WITH_MYSQL']);
