/** The parameter domain_prefix, in any spelling: hosts count without it. A host that is nothing else keeps it. */
export function withoutPrefix(host: string, prefix: string): string {
  const cut = prefix !== '' && prefix.length < host.length && host.toLowerCase().startsWith(prefix.toLowerCase());
  return cut ? host.slice(prefix.length) : host;
}
