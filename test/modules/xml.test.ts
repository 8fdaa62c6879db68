import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { readXml } from '../../src/modules/xml/read.js';
import { attributeOf, childNamed, contentOf, findElement } from '../../src/modules/xml/tree.js';
import { writeXml } from '../../src/modules/xml/write.js';

const written = (text: string): string | undefined => {
  const doc = readXml(text);
  return doc && writeXml(doc);
};

describe('what is read is written as libxml2 does', () => {
  // the outputs are those of recorded NOTIFY bodies and of xmllint --format
  const cases: readonly (readonly [string, string])[] = [
    ['<a/>', '<?xml version="1.0"?>\n<a/>\n'],
    ['<a></a>', '<?xml version="1.0"?>\n<a/>\n'],
    ['<a><b>x</b><c/></a>', '<?xml version="1.0"?>\n<a>\n  <b>x</b>\n  <c/>\n</a>\n'],
    ['<a>x<b/></a>', '<?xml version="1.0"?>\n<a>x<b/></a>\n'],
    ["<a b='1' xmlns='u:v'/>", '<?xml version="1.0"?>\n<a xmlns="u:v" b="1"/>\n'],
    ['<a>&#xE9;&quot;&lt;</a>', '<?xml version="1.0"?>\n<a>&#xE9;"&lt;</a>\n'],
    [
      '<?xml version="1.0" encoding="UTF-8"?><a>\u00c3\u00a9</a>',
      '<?xml version="1.0" encoding="UTF-8"?>\n<a>\u00c3\u00a9</a>\n',
    ],
    ['<a>\r\n</a>', '<?xml version="1.0"?>\n<a>\n</a>\n'],
    ['<p:a xmlns:p="u"><p:b p:c="1"/></p:a>', '<?xml version="1.0"?>\n<p:a xmlns:p="u">\n  <p:b p:c="1"/>\n</p:a>\n'],
    ['<a><![CDATA[<x>]]></a>', '<?xml version="1.0"?>\n<a><![CDATA[<x>]]></a>\n'],
    ['<!--c--><a/>', '<?xml version="1.0"?>\n<!--c-->\n<a/>\n'],
  ];
  for (const [text, result] of cases) test(text, () => expect(written(text)).toBe(result));
});

describe('what is no XML is refused', () => {
  const bad = [
    '',
    'text',
    '<a>',
    '<a></b>',
    '<a/><b/>',
    '<a b/>',
    '<a b=1/>',
    '<a b="1" b="2"/>',
    '<a>&</a>',
    '<a>&unknown;</a>',
    '<a>&#0;</a>',
    '<a>\u0001</a>',
    '<a>\u00ff</a>',
    '<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>',
    '<?xml version="1.0" encoding="EBCDIC"?><a>\u00e4</a>',
    '<a>]]></a>',
    '<a',
    '<a b="<"/>',
    `${'<a>'.repeat(5000)}${'</a>'.repeat(5000)}`,
  ];
  for (const text of bad) test(text.slice(0, 40), () => expect(readXml(text)).toBeUndefined());
});

test('elements are found by name, in any case and namespace', () => {
  const doc = readXml('<p:A xmlns:p="u"><b ID="7"><c>x<d>y</d></c></b></p:A>');
  const b = doc && findElement(doc.nodes, 'B');
  expect(b && attributeOf(b, 'id')).toBe('7');
  const c = b && childNamed(b, 'c');
  expect(c && contentOf(c)).toBe('xy');
  expect(doc?.root.name).toBe('A');
});

test('nothing throws, and what is written reads as the same', () => {
  const part = fc.constantFrom(
    '<a>',
    '</a>',
    '<b c="d">',
    '</b>',
    '<x:y/>',
    '&amp;',
    '&',
    'text',
    ' ',
    '<!--',
    '-->',
    '"',
    '\n',
  );
  fc.assert(
    fc.property(fc.array(part, { maxLength: 12 }), (parts) => {
      const once = written(parts.join(''));
      if (once !== undefined) expect(written(once)).toBe(once);
    }),
    { numRuns: 3000 },
  );
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => void written(`<a>${text}</a>`)),
    { numRuns: 2000 },
  );
});
