/** Changes of one message's text, at the offsets that it has. */
import type { SipMessage } from '../../sip/message.js';

interface Edit {
  readonly start: number;
  readonly end: number;
  readonly text: string;
}

export class Editor {
  readonly msg: SipMessage;
  readonly #edits: Edit[] = [];

  constructor(msg: SipMessage) {
    this.msg = msg;
  }

  replace(start: number, end: number, text: string): void {
    this.#edits.push({ start, end, text });
  }

  /** The text with all changes. */
  result(): string {
    const { text } = this.msg;
    let out = '';
    let at = 0;
    for (const edit of this.#edits.toSorted((a, b) => a.start - b.start)) {
      if (edit.start < at) continue;
      out += text.slice(at, edit.start) + edit.text;
      at = edit.end;
    }
    return out + text.slice(at);
  }
}
