/** The script of the tests: a registrar and proxy for WebSocket and UDP clients, as the manual of websocket has it. */
import path from 'node:path';

export const CERTS = path.join(import.meta.dirname, '../tls/certs');

export const SCRIPT = `debug=2
log_stderror=yes
children=1
tcp_children=1
enable_tls=yes
tcp_accept_no_cl=yes
tcp_connection_lifetime=3604
listen=udp:127.0.0.1:{{PORT}}
listen=tcp:127.0.0.1:{{PORT}}
listen=tls:127.0.0.1:{{PORT2}}
alias="d.example"
loadmodule "sl.so"
loadmodule "tm.so"
loadmodule "rr.so"
loadmodule "pv.so"
loadmodule "textops.so"
loadmodule "siputils.so"
loadmodule "maxfwd.so"
loadmodule "usrloc.so"
loadmodule "registrar.so"
loadmodule "nathelper.so"
loadmodule "xlog.so"
loadmodule "ctl.so"
loadmodule "kex.so"
loadmodule "counters.so"
loadmodule "tls.so"
loadmodule "xhttp.so"
loadmodule "websocket.so"
modparam("ctl", "binrpc", "unix:{{DIR}}/ctl")
modparam("tls", "certificate", "${CERTS}/server.pem")
modparam("tls", "private_key", "${CERTS}/server.key")
modparam("tls", "tls_method", "TLSv1.2+")
modparam("nathelper", "received_avp", "$avp(RECEIVED)")
modparam("registrar", "received_avp", "$avp(RECEIVED)")
modparam("websocket", "cors_mode", 2)
# MORE
request_route {
	mf_process_maxfwd_header("10");
	xlog("L_INFO", "TEST $rm $proto $pr $prid $sut $Ru\\n");
	if (is_method("OPTIONS")) {
		if ($rU == "close") {
			ws_close();
			exit;
		}
		if ($rU == "closewith") {
			ws_close(4001, "go away");
			exit;
		}
		$var(r) = $proto + " " + $pr + " " + $prid + " " + $su + " " + $sut + " " + $sas + " " + $Ru + " " + $Rut + " " + $Ras;
		if (proto == WS) $var(r) = $var(r) + " ws";
		if (proto == WSS) $var(r) = $var(r) + " wss";
		if ($ws_conid == $conid) $var(r) = $var(r) + " same";
		if (nat_uac_test("64")) $var(r) = $var(r) + " nat64";
		set_reply_body("$var(r)", "text/plain");
		sl_send_reply("200", "OK");
		exit;
	}
	if (nat_uac_test("64")) {
		force_rport();
		if (is_method("REGISTER")) fix_nated_register();
		else if (!add_contact_alias()) {
			sl_send_reply("400", "Bad Request");
			exit;
		}
	}
	if (!is_method("REGISTER")) t_on_reply("WS_REPLY");
	if (has_totag()) {
		if (loose_route()) {
			if ($du == "" && !handle_ruri_alias()) {
				sl_send_reply("400", "Bad Request");
				exit;
			}
			xlog("L_INFO", "TEST next $du\\n");
			if (!t_relay()) sl_reply_error();
			exit;
		}
		if (is_method("ACK") && t_check_trans()) t_relay();
		exit;
	}
	if (is_method("REGISTER")) {
		save("location");
		exit;
	}
	if (is_method("INVITE|SUBSCRIBE")) record_route();
	if ($rU == "nobody") $du = "sip:127.0.0.1:9;transport=ws";
	else if (!lookup("location")) {
		sl_send_reply("404", "Not Found");
		exit;
	}
	xlog("L_INFO", "TEST found $ru $du\\n");
	if (is_method("MESSAGE")) {
		$var(code) = forward();
		xlog("L_INFO", "TEST forward $var(code)\\n");
		exit;
	}
	if (!t_relay()) sl_reply_error();
}
onreply_route[WS_REPLY] {
	if (nat_uac_test("64")) add_contact_alias();
}
event_route[xhttp:request] {
	set_reply_close();
	set_reply_no_connect();
	if ($hdr(Upgrade) =~ "websocket" && $rm =~ "GET") {
		if (ws_handle_handshake()) {
			xlog("L_INFO", "TEST accepted\\n");
			exit;
		}
		xlog("L_INFO", "TEST not reached\\n");
	}
	xhttp_reply("404", "Not found", "", "");
}
event_route[websocket:closed] {
	xlog("L_INFO", "TEST closed $proto $si\\n");
}
`;
