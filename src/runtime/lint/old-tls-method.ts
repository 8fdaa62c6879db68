/** TLS of a version that is broken. */
import { defineRule } from './rule.js';

const OLD = /^(?:SSLv2|SSLv23|SSLv3|TLSv1|TLSv1\.0|TLSv1\.1)\+?$/i;

export const oldTlsMethod = defineRule({
  code: 'old-tls-method',
  severity: 'warning',
  doc: 'The TLS method lets in versions below 1.2, which are broken (RFC 8996).',
  example: 'modparam("tls", "tls_method", "TLSv1")',
  *check(on) {
    for (const item of on.script.items) {
      if (item.kind !== 'modparam' || item.modules !== 'tls' || item.param !== 'tls_method') continue;
      if (typeof item.value === 'string' && OLD.test(item.value))
        yield { span: item.valueSpan, message: `${item.value} lets in versions below 1.2`, hint: 'TLSv1.2+' };
    }
  },
});
