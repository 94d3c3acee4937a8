# shellcheck shell=bash
# A bare Debian tree to try things in, as on a machine that was just set up. Sourced by spec/fresh and
# spec/package, which have set [suite]; needs root, debootstrap and the network.
base=$PWD/build/fresh/$suite.base
tree=$PWD/build/fresh/$suite.tree
home=/root

if [ "$(id -u)" -ne 0 ] || ! command -v debootstrap >/dev/null; then
  echo "$0 needs root and debootstrap (apt-get install debootstrap)" >&2
  exit 2
fi

# In a mount and process namespace of its own: whatever happens, no mount and no process remains.
if [ -z "${OD_FRESH_INSIDE:-}" ]; then
  OD_FRESH_INSIDE=1 exec unshare --mount --pid --fork --kill-child "spec/${0##*/}" "$@"
fi

trap "exit 130" INT TERM # As the first of its namespace it would not hear them otherwise.

make_base() {
  [ -d "$base" ] && return 0
  local mirror=""
  # shellcheck disable=SC2016 # The names are apt's.
  mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' 'Origin: Debian' \
    2>/dev/null | head -1) || true
  rm -rf "$base.new"
  mkdir -p "$base.new"
  # shellcheck disable=SC2086
  debootstrap --variant=minbase "$suite" "$base.new" $mirror >"$base.log"
  mv "$base.new" "$base"
}

# What an administrator sets up before anything else: names, the way to packages, own certificates.
settle() {
  printf '127.0.0.1 localhost\n::1 localhost\n' >"$tree/etc/hosts"
  cp -L /etc/resolv.conf "$tree/etc/resolv.conf"
  apt-config dump 2>/dev/null | grep -E '^Acquire::(https?|Check-|Retries)' \
    >"$tree/etc/apt/apt.conf.d/90host" || true
  mkdir -p "$tree/usr/local/share/ca-certificates"
  cp -L /usr/local/share/ca-certificates/*.crt "$tree/usr/local/share/ca-certificates/" 2>/dev/null || true
  command -v npm >/dev/null || return 0
  local key value
  for key in registry proxy https-proxy noproxy; do
    value=$(cd / && npm config get "$key" 2>/dev/null)
    case $value in "" | null | undefined) ;; *) echo "$key=$value" ;; esac
  done >"$tree$home/.npmrc"
}

make_tree() {
  rm -rf --one-file-system "$tree"
  cp -a --reflink=auto "$base" "$tree"
  settle
  git clone -q --no-local . "$tree/srv/open-do"
  mount -t proc proc "$tree/proc"
  mount -t sysfs -o ro sysfs "$tree/sys"
  mount --rbind /dev "$tree/dev"
}

# Becomes a command in the clone, run by somebody who has just logged in: to be called in a subshell.
inside() {
  exec env -i HOME=$home TERM=dumb PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
    ${http_proxy:+http_proxy="$http_proxy"} ${https_proxy:+https_proxy="$https_proxy"} \
    ${no_proxy:+no_proxy="$no_proxy"} \
    chroot "$tree" sh -c 'cd /srv/open-do && exec "$@"' sh "$@"
}
