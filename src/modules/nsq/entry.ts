/** Entry of a table under a key that comes from outside: `constructor` and its kin are none. */
export const entry = <T>(table: Readonly<Record<string, T>>, key: string): T | undefined =>
  Object.hasOwn(table, key) ? table[key] : undefined;
