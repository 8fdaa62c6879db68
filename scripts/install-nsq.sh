#!/bin/sh
# Builds nsqd, nsqlookupd and nsq_tail 1.3.0 from the Go module proxy, for the tests against a real NSQ.
#
#   sh scripts/install-nsq.sh [FOLDER]      prints the folder that holds the programs (default ~/.cache/kamscript/bin)
#
# Does nothing when they are there already. `go install github.com/nsqio/nsq/apps/nsqd@v1.3.0` does not do: it asks the
# proxy for the module's list of versions, which some proxies refuse, and it ignores the module's own `replace` line
# (go-svc), without which nsqd does not compile. Hence a throw-away module that requires the one version and repeats it.
set -eu
dir=${1:-${XDG_CACHE_HOME:-$HOME/.cache}/kamscript/bin}
tools='nsqd nsqlookupd nsq_tail'
missing=
for tool in $tools; do [ -x "$dir/$tool" ] || missing=1; done
if [ -n "$missing" ]; then
  command -v go >/dev/null || { echo 'install-nsq: Go is not installed' >&2; exit 1; }
  work=$(mktemp -d)
  trap 'rm -rf "$work"' EXIT
  cat > "$work/go.mod" <<'MOD'
module kamscript-nsq-tools

go 1.21

require github.com/nsqio/nsq v1.3.0

replace github.com/judwhite/go-svc => github.com/mreiferson/go-svc v1.2.2-0.20210815184239-7a96e00010f6
MOD
  mkdir -p "$dir"
  (cd "$work" && for tool in $tools; do GOFLAGS=-mod=mod CGO_ENABLED=0 go build -o "$dir/" "github.com/nsqio/nsq/apps/$tool" >&2; done)
fi
echo "$dir"
