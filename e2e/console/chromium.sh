#!/usr/bin/env bash
# Installs Debian's chromium, unless there is one.
set -euo pipefail
[ -x "${CHROMIUM:-/usr/bin/chromium}" ] && exit
export DEBIAN_FRONTEND=noninteractive
install() { apt-get -q -y --no-install-recommends -o DPkg::Lock::Timeout=300 install chromium fonts-dejavu-core; }
install || { apt-get -q update && install; }
