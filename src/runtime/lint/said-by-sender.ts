/** What the sender of a message decides, word for word. */

const FREE =
  /\$\(?(?:[rfto]U|[rfto]u|ou|[rftd]d|du|ua|ct|ci|rb|fn|tn|au|adu|aU|ar|hdr\([^)]*\)|rz)(?!\w)(?:\[[^\]]*\])?((?:\{[^}]*\})*)/g;

/** The first variable of a text that the sender writes and no transformation like `safe` has made harmless. */
export function unsafeVariable(text: string, safe: RegExp): string | undefined {
  for (const [whole, transformations = ''] of text.matchAll(FREE)) {
    if (!safe.test(transformations)) return whole.replace(/^\$\(/, '$');
  }
  return undefined;
}
