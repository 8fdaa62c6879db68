/** How the parser reads the world: everything comes in as arguments, so that it runs in an editor too. */
export interface ParseOptions {
  /** Text of a file as latin1 (one character a byte), or undefined when there is none. */
  readonly readFile: (path: string) => string | undefined;
  /** -A NAME[=VALUE] of the command line; value undefined for a bare name. */
  readonly defines?: ReadonlyMap<string, string | undefined>;
  /** --subst, --substdef, --substdefs of the command line, in order: ['subst', '/a/b/g']. */
  readonly substs?: readonly (readonly ['subst' | 'substdef' | 'substdefs', string])[];
  /** Environment for #!defenv and family. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** Evaluates a text with `$…` (substdef values); undefined when it cannot. */
  readonly evaluate?: (text: string) => string | undefined;
}
