/** Module hooks: `kamscript/testing` is the kit of the command that runs the tests, wherever the tests stand. */
const KIT = new URL('../../testing/index.js', import.meta.url).href;

interface Resolved {
  readonly url: string;
  readonly shortCircuit?: boolean;
}

export function resolve(
  specifier: string,
  context: unknown,
  next: (specifier: string, context: unknown) => Resolved | Promise<Resolved>,
): Resolved | Promise<Resolved> {
  return specifier === 'kamscript/testing' ? { url: KIT, shortCircuit: true } : next(specifier, context);
}
