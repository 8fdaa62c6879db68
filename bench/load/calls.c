// calls: closed-loop calls over UDP: INVITE, 200, ACK, BYE, 200, by the route set of the reply. Keeps WINDOW calls going
// for SECONDS and prints calls/s, with the processor seconds of the server as blast does.
// usage: calls PORT WINDOW SECONDS [SERVER_PID]        (uas at port 13005 answers)
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>
static double now(void) { struct timespec t; clock_gettime(CLOCK_MONOTONIC, &t); return t.tv_sec + t.tv_nsec / 1e9; }
static double cpu1(int pid) {
  char p[64], b[2048]; snprintf(p, sizeof p, "/proc/%d/stat", pid); FILE *f = fopen(p, "r"); if (!f) return 0;
  size_t n = fread(b, 1, sizeof b - 1, f); fclose(f); b[n] = 0; char *q = strrchr(b, ')'); if (!q) return 0;
  unsigned long u, s; if (sscanf(q + 2, "%*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &u, &s) != 2) return 0;
  return (u + s) / (double)sysconf(_SC_CLK_TCK);
}
static double cputree(int pid) {
  double t = cpu1(pid); char p[96]; snprintf(p, sizeof p, "/proc/%d/task/%d/children", pid, pid); FILE *f = fopen(p, "r"); if (!f) return t;
  int c; while (fscanf(f, "%d", &c) == 1) t += cputree(c); fclose(f); return t;
}
enum { B = 32 };
static char ob[2 * B][8192], ib[B][8192];
static struct mmsghdr om[2 * B], im[B];
static struct iovec oi[2 * B], ii[B];
static int port, me;
/* Copies the first header line NAME of the reply, as NEWNAME. */
static int copy(char *o, const char *m, const char *name, const char *as) {
  for (const char *p = strstr(m, "\r\n"); p && strncmp(p, "\r\n\r\n", 4); p = strstr(p + 2, "\r\n")) {
    size_t l = strlen(name);
    if (!strncasecmp(p + 2, name, l) && p[2 + l] == ':') { const char *e = strstr(p + 2, "\r\n"); return sprintf(o, "%s%.*s\r\n", as, (int)(e - p - 2 - l), p + 2 + l); }
  }
  return 0;
}
static int indialog(char *o, const char *m, const char *method, int cseq, unsigned long branch) {
  int k = sprintf(o, "%s sip:bob@127.0.0.1:13005 SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:%d;branch=z9hG4bK%s%lx;rport\r\n", method, me, method, branch);
  k += copy(o + k, m, "Record-Route", "Route"); k += copy(o + k, m, "From", "From"); k += copy(o + k, m, "To", "To"); k += copy(o + k, m, "Call-ID", "Call-ID");
  return k + sprintf(o + k, "CSeq: %d %s\r\nMax-Forwards: 70\r\nContent-Length: 0\r\n\r\n", cseq, method);
}
int main(int argc, char **argv) {
  if (argc < 4) return 2;
  port = atoi(argv[1]); int window = atoi(argv[2]); double secs = atof(argv[3]); int pid = argc > 4 ? atoi(argv[4]) : 0;
  int s = socket(AF_INET, SOCK_DGRAM, 0), sz = 8 << 20; setsockopt(s, SOL_SOCKET, SO_RCVBUF, &sz, sizeof sz); setsockopt(s, SOL_SOCKET, SO_SNDBUF, &sz, sizeof sz);
  struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)}; bind(s, (void *)&a, sizeof a); socklen_t l = sizeof a; getsockname(s, (void *)&a, &l); me = ntohs(a.sin_port);
  a.sin_port = htons(port); connect(s, (void *)&a, sizeof a);
  for (int i = 0; i < B; i++) { ii[i] = (struct iovec){ib[i], sizeof ib[i] - 1}; im[i].msg_hdr.msg_iov = &ii[i]; im[i].msg_hdr.msg_iovlen = 1; }
  for (int i = 0; i < 2 * B; i++) { om[i].msg_hdr.msg_iov = &oi[i]; om[i].msg_hdr.msg_iovlen = 1; }
  unsigned long seq = (unsigned long)me << 32, calls = 0, bad = 0, begun = 0; int out = 0; double c0 = pid ? cputree(pid) : 0, t0 = now(), last = t0;
  while (now() - t0 < secs) {
    int m = 0;
    while (out < window && m < B) {
      int k = sprintf(ob[m], "INVITE sip:bob@127.0.0.1:%d SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:%d;branch=z9hG4bK%lx;rport\r\nFrom: \"Alice\" <sip:alice@atlanta.example.com>;tag=%lx\r\nTo: <sip:bob@biloxi.example.com>\r\nCall-ID: %lx@127.0.0.1\r\nCSeq: 1 INVITE\r\nMax-Forwards: 70\r\nContact: <sip:alice@127.0.0.1:%d>\r\nUser-Agent: bench/1.0\r\nContent-Length: 0\r\n\r\n", port, me, seq, seq, seq, me);
      oi[m] = (struct iovec){ob[m], k}; m++; seq++; out++; begun++;
    }
    for (int d = 0; d < m;) { int r = sendmmsg(s, om + d, m - d, 0); if (r <= 0) break; d += r; }
    struct pollfd p = {s, POLLIN, 0};
    if (poll(&p, 1, 20) <= 0) { if (now() - last > 1) { out = 0; last = now(); } continue; }
    int n = recvmmsg(s, im, B, MSG_DONTWAIT, NULL); m = 0;
    for (int i = 0; i < n; i++) {
      char *q = ib[i]; q[im[i].msg_len] = 0; if (strncmp(q, "SIP/2.0 ", 8) || q[8] == '1') continue;
      last = now();
      if (q[8] != '2') { bad++; out--; continue; }
      if (!strstr(q, " INVITE\r\n")) { calls++; out--; continue; }
      int k = indialog(ob[m], q, "ACK", 1, seq++); oi[m] = (struct iovec){ob[m], k}; m++;
      k = indialog(ob[m], q, "BYE", 2, seq++); oi[m] = (struct iovec){ob[m], k}; m++;
    }
    for (int d = 0; d < m;) { int r = sendmmsg(s, om + d, m - d, 0); if (r <= 0) break; d += r; }
  }
  double dt = now() - t0, c = pid ? cputree(pid) - c0 : 0;
  printf("{\"begun\":%lu,\"calls\":%lu,\"bad\":%lu,\"rps\":%.0f,\"server_cpu_s\":%.2f,\"per_cpu_s\":%.0f}\n", begun, calls, bad, calls / dt, c, c > 0 ? calls / c : 0);
}
