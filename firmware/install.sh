# For scripts that need packages of Debian's.

# Installs them where that may be done, as root with apt-get: `install PACKAGE…`. What is asked for is there afterwards, or this
# fails. One at a time, and the lists are fetched once an hour: steps run side by side, and each target of run.sh asks by itself.
install() {
  [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null || return 1
  local updated=/var/tmp/trueloss-apt
  (
    flock 9
    if [ -z "$(find "$updated.stamp" -mmin -60 2>/dev/null)" ]; then
      # An old list may still do.
      apt-get update -qq || true
      touch "$updated.stamp"
    fi
    apt-get install -y -qq --no-install-recommends -o DPkg::Lock::Timeout=600 "$@"
  ) 9>"$updated.lock" </dev/null >>"${install_log:-/dev/null}" 2>&1
}
