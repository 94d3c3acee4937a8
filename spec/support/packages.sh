# The Debian packages open-do is built from and tested with, in one place.
# Sourced by examples/run (build only) and spec/run (all of them).

OD_BUILD_PACKAGES="gcc libc6-dev cmake ninja-build pkg-config luajit libluajit-5.1-dev
  libwebsockets-dev libwebsockets-evlib-uv libuv1-dev liblmdb-dev libsqlite3-dev libssl-dev zlib1g-dev
  libcurl4-openssl-dev"
OD_TEST_PACKAGES="git lua-busted lua-check lua-socket clang libclang-rt-dev clang-format clang-tidy llvm
  universal-ctags curl chromium procps mosquitto-clients openssl util-linux sqlite3"

# Installs those of the given packages that are missing; asks for root only then.
od_install_packages() {
  local missing=() name sudo=""
  for name in "$@"; do
    dpkg-query -W -f='${db:Status-Status}\n' "$name" 2>/dev/null | grep -qx installed ||
      missing+=("$name")
  done
  [ ${#missing[@]} -eq 0 ] && return 0
  [ "$(id -u)" -eq 0 ] || sudo="sudo"
  echo "Installing from Debian: ${missing[*]}"
  $sudo apt-get update -qq
  $sudo env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}"
}

od_install_build_packages() {
  # shellcheck disable=SC2086
  od_install_packages $OD_BUILD_PACKAGES
}

od_install_test_packages() {
  # shellcheck disable=SC2086
  od_install_packages $OD_BUILD_PACKAGES $OD_TEST_PACKAGES
}
