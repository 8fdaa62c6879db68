/** The Record-Route parameter that tells a dialog: `did=2bd.5132`, hexadecimal digits backwards. */

export interface DialogId {
  readonly entry: number;
  readonly id: number;
}

export function didText({ entry, id }: DialogId): string {
  return `${reversedHex(entry)}.${reversedHex(id)}`;
}

function reversedHex(n: number): string {
  return [...n.toString(16)].reverse().join('');
}

const FORM = /^([0-9a-fA-F]{1,8})\.([0-9a-fA-F]{1,8})$/;

/** Undefined where it is none. */
export function parseDid(text: string): DialogId | undefined {
  const m = FORM.exec(text);
  return m === null ? undefined : { entry: fromReversed(m[1]!), id: fromReversed(m[2]!) };
}

function fromReversed(hex: string): number {
  return Number.parseInt([...hex].reverse().join(''), 16);
}
