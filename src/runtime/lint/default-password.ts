/** The password of a database is the one that everybody knows. */
import { defineRule } from './rule.js';

const KNOWN = /:(kamailiorw|kamailioro|openserrw|openserro|heslo|root|password)@/;

export const defaultPassword = defineRule({
  code: 'default-password',
  severity: 'warning',
  doc: 'The database is opened with the password that the Kamailio package gives it: everybody knows that.',
  example: 'modparam("auth_db", "db_url", "mysql://kamailio:kamailiorw@localhost/kamailio")',
  *check(on) {
    const told = new Set<string>();
    for (const item of on.script.items) {
      if (item.kind !== 'modparam' || typeof item.value !== 'string') continue;
      const match = KNOWN.exec(item.value);
      if (match === null || told.has(item.value)) continue;
      told.add(item.value);
      const hint = 'give the database user a password of its own, and take it from the environment: #!defenv';
      yield { span: item.valueSpan, message: `the password is the well-known ${match[1]}`, hint };
    }
  },
});
