/** Calls of http_client, one in each route: what they gave is logged. */
import path from 'node:path';

export const CERTS = path.join(import.meta.dirname, '../tls/certs');

/** Name to a call that writes `$var(r)`. WEB, TLS and NOBODY are ports. */
export const CALLS: Readonly<Record<string, string>> = {
  get: 'http_client_query("http://127.0.0.1:WEB/ok?a=1", "$var(r)")',
  get_variable: 'http_client_query("http://127.0.0.1:WEB/$rU", "$var(r)")',
  post: 'http_client_query("http://127.0.0.1:WEB/echo", "a=1&b=$rU", "$var(r)")',
  post_empty: 'http_client_query("http://127.0.0.1:WEB/echo", "", "$var(r)")',
  post_header:
    'http_client_query("http://127.0.0.1:WEB/echo", "{}", "Content-Type: application/json\\r\\nX-One: 1", "$var(r)")',
  get_header: 'http_client_query("http://127.0.0.1:WEB/ok", "", "X-Two: 2", "$var(r)")',
  get_body: 'http_client_get("http://127.0.0.1:WEB/echo", "some body", "X-Three: 3", "$var(r)")',
  get_plain: 'http_client_get("http://127.0.0.1:WEB/ok", "", "", "$var(r)")',
  empty: 'http_client_query("http://127.0.0.1:WEB/empty", "$var(r)")',
  none: 'http_client_query("http://127.0.0.1:WEB/none", "$var(r)")',
  missing: 'http_client_query("http://127.0.0.1:WEB/missing", "$var(r)")',
  broken: 'http_client_query("http://127.0.0.1:WEB/broken", "$var(r)")',
  moved: 'http_client_query("http://127.0.0.1:WEB/moved", "$var(r)")',
  chunked: 'http_client_query("http://127.0.0.1:WEB/chunked", "$var(r)")',
  close: 'http_client_query("http://127.0.0.1:WEB/close", "$var(r)")',
  utf8: 'http_client_query("http://127.0.0.1:WEB/utf8", "$var(r)")',
  garbage: 'http_client_query("http://127.0.0.1:WEB/garbage", "$var(r)")',
  short: 'http_client_query("http://127.0.0.1:WEB/short", "$var(r)")',
  gone: 'http_client_query("http://127.0.0.1:WEB/gone", "$var(r)")',
  silent: 'http_client_query("http://127.0.0.1:WEB/silent", "$var(r)")',
  nobody: 'http_client_query("http://127.0.0.1:NOBODY/", "$var(r)")',
  no_name: 'http_client_query("http://no.such.name.invalid/", "$var(r)")',
  no_scheme: 'http_client_query("127.0.0.1:WEB/ok", "$var(r)")',
  ftp: 'http_client_query("ftp://127.0.0.1:WEB/ok", "$var(r)")',
  no_url: 'http_client_query("$var(none)", "$var(r)")',
  blank: 'http_client_query("http://127.0.0.1:WEB/a b", "$var(r)")',
  untrusted: 'http_client_query("https://127.0.0.1:TLS/ok", "$var(r)")',
  tls_to_plain: 'http_client_query("https://127.0.0.1:WEB/ok", "$var(r)")',
  into_avp: 'http_client_query("http://127.0.0.1:WEB/ok", "$avp(r)")',
  connect: 'http_connect("one", "/ok", "$var(r)")',
  connect_no_slash: 'http_connect("one", "ok", "$var(r)")',
  connect_empty: 'http_connect("one", "", "$var(r)")',
  connect_post: 'http_connect("one", "/echo", "application/json", "{\\"user\\": \\"$rU\\"}", "$var(r)")',
  connect_raw: 'http_connect_raw("one", "/echo", "text/x", "raw $rU", "$var(r)")',
  connect_unknown: 'http_connect("other", "/ok", "$var(r)")',
  connect_cut: 'http_connect("cut", "/ok", "$var(r)")',
  connect_failover: 'http_connect("dead", "/ok", "$var(r)")',
  connect_failover_500: 'http_connect("five", "", "$var(r)")',
  connect_basic: 'http_connect("auth", "/basic", "$var(r)")',
  connect_digest: 'http_connect("auth", "/digest", "$var(r)")',
  connect_post_digest: 'http_connect("auth", "/digest", "text/plain", "abc", "$var(r)")',
  connect_moved: 'http_connect("follow", "/moved", "$var(r)")',
  connect_see: 'http_connect("follow", "/see", "text/plain", "abc", "$var(r)")',
  connect_kept: 'http_connect("follow", "/kept", "text/plain", "abc", "$var(r)")',
  redirect: 'http_get_redirect("follow", "$var(r)")',
  redirect_unknown: 'http_get_redirect("other", "$var(r)")',
  connect_tls: 'http_connect("tls", "/ok", "$var(r)")',
};

export function script(web: { readonly port: number; readonly tlsPort: number }): string {
  const routes = Object.entries(CALLS).map(
    ([name, call]) => `\t\tcase "${name}":
			$var(rc) = ${call};
			break;
`,
  );
  const text = `debug=2
log_stderror=yes
children=1
listen=udp:127.0.0.1:{{PORT}}
loadmodule "sl.so"
loadmodule "pv.so"
loadmodule "textops.so"
loadmodule "ctl.so"
loadmodule "kex.so"
loadmodule "counters.so"
loadmodule "http_client.so"
modparam("ctl", "binrpc", "unix:{{DIR}}/ctl")
modparam("http_client", "connection_timeout", 2)
modparam("http_client", "httpcon", "one=>http://127.0.0.1:WEB")
modparam("http_client", "httpcon", "cut => http://127.0.0.1:WEB;maxdatasize=7;timeout=2;useragent=me")
modparam("http_client", "httpcon", "dead=>http://127.0.0.1:NOBODY;failover=one")
modparam("http_client", "httpcon", "five=>http://127.0.0.1:WEB/broken;failover=one")
modparam("http_client", "httpcon", "auth=>http://joe:secret@127.0.0.1:WEB")
modparam("http_client", "httpcon", "follow=>http://127.0.0.1:WEB;httpredirect=1")
modparam("http_client", "httpcon", "tls=>https://127.0.0.1:TLS;verify_peer=0;verify_host=0")
request_route {
	$var(r) = "before";
	$avp(r) = "before";
	switch ($(ruri{uri.param,do})) {
${routes.join('')}	}
	$var(all) = "" + $var(rc) + "|" + $var(r);
	if ($avp(r) != "before") $var(all) = $var(all) + "|" + $avp(r);
	set_reply_body("$var(all)", "text/plain");
	sl_send_reply("200", "OK");
}
`.replace('$(ruri{uri.param,do})', '$(ru{uri.param,do})');
  return text.replaceAll('WEB', `${web.port}`).replaceAll('TLS', `${web.tlsPort}`).replaceAll('NOBODY', '9');
}
