/** The only list of modules. */
import type { ModuleDefinition } from '../runtime/module.js';
import { acc } from './acc/index.js';
import { aliasDb } from './alias_db.js';
import { asyncModule } from './async.js';
import { auth } from './auth/index.js';
import { authDb } from './auth_db/index.js';
import { avpops } from './avpops/index.js';
import { benchmark } from './benchmark.js';
import { blst } from './blst.js';
import { cfgRpc } from './cfg_rpc.js';
import { cfgt } from './cfgt/index.js';
import { cfgutils } from './cfgutils.js';
import { corex } from './corex/index.js';
import { countersModule } from './counters.js';
import { crypto } from './crypto/index.js';
import { ctl } from './ctl/index.js';
import { dbMysql } from './db_mysql/index.js';
import { dbPostgres } from './db_postgres/index.js';
import { dbSqlite } from './db_sqlite/index.js';
import { dbText } from './db_text/index.js';
import { debuggerModule } from './debugger/index.js';
import { dialogModule } from './dialog/index.js';
import { dialplan } from './dialplan/index.js';
import { dispatcher } from './dispatcher/index.js';
import { diversion } from './diversion.js';
import { dmq } from './dmq/index.js';
import { dmqUsrloc } from './dmq_usrloc.js';
import { domainModule } from './domain/index.js';
import { enumModule } from './enum/index.js';
import { evapi } from './evapi/index.js';
import { exec } from './exec.js';
import { htable } from './htable/index.js';
import { http_async_client } from './http_async_client/index.js';
import { http_client } from './http_client/index.js';
import { ipops } from './ipops/index.js';
import { janssonModule } from './jansson/index.js';
import { json } from './json.js';
import { jsonrpcs } from './jsonrpcs/index.js';
import { keepalive } from './keepalive.js';
import { kex } from './kex/index.js';
import { maxfwd } from './maxfwd.js';
import { mqueue } from './mqueue/index.js';
import { mtree } from './mtree/index.js';
import { nathelper } from './nathelper/index.js';
import { ndbRedis } from './ndb_redis/index.js';
import { nsq } from './nsq/index.js';
import { outbound } from './outbound/index.js';
import { path } from './path.js';
import { permissions } from './permissions/index.js';
import { pike } from './pike/index.js';
import { pipelimit } from './pipelimit.js';
import { presence } from './presence/index.js';
import { presenceDialoginfo } from './presence_dialoginfo/index.js';
import { presenceMwi } from './presence_mwi.js';
import { presenceXml } from './presence_xml/index.js';
import { pua } from './pua/index.js';
import { puaDialoginfo } from './pua_dialoginfo/index.js';
import { puaJson } from './pua_json.js';
import { pv } from './pv/index.js';
import { ratelimit } from './ratelimit.js';
import { regexModule } from './regex/index.js';
import { registrar } from './registrar/index.js';
import { rr } from './rr/index.js';
import { rtimer } from './rtimer.js';
import { rtjson } from './rtjson.js';
import { rtpengine } from './rtpengine/index.js';
import { rtpproxy } from './rtpproxy/index.js';
import { sanity } from './sanity.js';
import { sctp } from './sctp.js';
import { sdpops } from './sdpops.js';
import { siptrace } from './siptrace/index.js';
import { siputils } from './siputils/index.js';
import { sl } from './sl.js';
import { speeddial } from './speeddial.js';
import { sqlops } from './sqlops/index.js';
import { statistics } from './statistics.js';
import { stun } from './stun/index.js';
import { textops } from './textops/index.js';
import { textopsx } from './textopsx/index.js';
import { timer } from './timer.js';
import { tls } from './tls/index.js';
import { tm } from './tm/index.js';
import { tmx } from './tmx.js';
import { topoh } from './topoh/index.js';
import { uac } from './uac/index.js';
import { uacRedirect } from './uac_redirect.js';
import { usrloc } from './usrloc/index.js';
import { utils } from './utils.js';
import { uuid } from './uuid.js';
import { websocket } from './websocket/index.js';
import { xhttp } from './xhttp/index.js';
import { xhttpProm } from './xhttp_prom/index.js';
import { xlog } from './xlog/index.js';
import { xmlrpc } from './xmlrpc/index.js';

export const MODULES: readonly ModuleDefinition[] = [
  acc,
  aliasDb,
  asyncModule,
  auth,
  authDb,
  avpops,
  benchmark,
  blst,
  cfgRpc,
  cfgt,
  cfgutils,
  corex,
  countersModule,
  crypto,
  ctl,
  dbMysql,
  dbPostgres,
  dbSqlite,
  debuggerModule,
  dialplan,
  dispatcher,
  dbText,
  dialogModule,
  domainModule,
  enumModule,
  exec,
  htable,
  http_async_client,
  http_client,
  ipops,
  janssonModule,
  json,
  evapi,
  jsonrpcs,
  dmq,
  dmqUsrloc,
  keepalive,
  kex,
  maxfwd,
  mqueue,
  mtree,
  nathelper,
  ndbRedis,
  nsq,
  outbound,
  path,
  permissions,
  presence,
  presenceDialoginfo,
  presenceMwi,
  presenceXml,
  pua,
  puaDialoginfo,
  puaJson,
  pv,
  regexModule,
  registrar,
  sanity,
  sctp,
  sdpops,
  siptrace,
  siputils,
  sl,
  speeddial,
  sqlops,
  statistics,
  stun,
  textops,
  textopsx,
  rr,
  tls,
  tm,
  tmx,
  topoh,
  uac,
  uacRedirect,
  usrloc,
  diversion,
  pike,
  pipelimit,
  ratelimit,
  rtimer,
  rtjson,
  rtpengine,
  rtpproxy,
  timer,
  utils,
  uuid,
  websocket,
  xhttp,
  xmlrpc,
  xhttpProm,
  xlog,
];
