/** The class `line`: lines of a text. */
import type { TransformationDefinition } from '../module.js';
import { numberArg, textArg } from './arguments.js';
import { plain, someText, transformationClass, withOne } from './common.js';

const withoutCr = (line: string): string => (line.endsWith('\r') ? line.slice(0, -1) : line);

function lineFrom(text: string, start: number): string {
  const end = text.indexOf('\n', start);
  return withoutCr(end < 0 ? text.slice(start) : text.slice(start, end));
}

function lineAt(text: string, index: number): string {
  if (index < 0) return lineFromEnd(text, -index);
  let start = 0;
  for (let i = 0; i < index; i++) {
    const end = text.indexOf('\n', start);
    if (end < 0) return '';
    start = end + 1;
  }
  return lineFrom(text, start);
}

/** A newline at the end of the text begins no line. */
function lineFromEnd(text: string, n: number): string {
  const lines = (text.endsWith('\n') ? text.slice(0, -1) : text).split('\n');
  return withoutCr(lines[lines.length - n] ?? '');
}

function lineStartingWith(text: string, head: string): string {
  for (let start = 0; start <= text.length - head.length; ) {
    if (text.startsWith(head, start)) return lineFrom(text, start);
    const end = text.indexOf('\n', start);
    if (end < 0) break;
    start = end + 1;
  }
  return '';
}

function lineCount(text: string): string {
  const ends = text.split('\n').length - 1;
  return `${text.endsWith('\n') ? ends : ends + 1}`;
}

export const line: TransformationDefinition = transformationClass('line', 'Lines of a text, without their ends.', {
  at: withOne(
    'The i-th line, from 0; a negative index counts from the end. Empty when there is none.',
    someText,
    numberArg,
    lineAt,
  ),
  sw: withOne('The first line that starts with a text; empty when none does.', someText, textArg, lineStartingWith),
  count: plain('How many lines there are.', someText, lineCount),
});
