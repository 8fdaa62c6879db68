/** The process's environment without what is not set. */
export function environment(): Record<string, string> {
  const entries = Object.entries(process.env).filter((e): e is [string, string] => e[1] !== undefined);
  return Object.fromEntries(entries);
}
