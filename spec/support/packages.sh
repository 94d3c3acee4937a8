# What open-do is built from and tested with, in one place: libraries as pkg-config knows them, programs
# by their names, and the Debian package of each. Sourced by examples/run (build only) and spec/run (all).
#
# What is there is not asked of a package manager: a library may have been built by hand. Only what is
# missing is installed, where there is apt; elsewhere it is named, and that is all.

# Its kind and name, a colon, the package. A library may have to be new enough.
OD_BUILD_NEEDS="
  program gcc:gcc
  program cmake:cmake
  program ninja:ninja-build
  program pkg-config:pkg-config
  program luajit:luajit
  library luajit:libluajit-5.1-dev
  library libwebsockets:libwebsockets-dev
  library libuv:libuv1-dev
  library lmdb:liblmdb-dev
  library sqlite3 >= 3.38:libsqlite3-dev
  library libpq:libpq-dev
  library libcrypto:libssl-dev
  library zlib:zlib1g-dev
  library libcurl >= 7.87:libcurl4-openssl-dev
  package libc6-dev:libc6-dev
  package tzdata:tzdata
  package libwebsockets-evlib-uv:libwebsockets-evlib-uv"
OD_TEST_NEEDS="
  program git:git
  program busted:lua-busted
  program luacheck:lua-check
  program clang:clang
  program clang-format:clang-format
  program clang-tidy:clang-tidy
  program llvm-cov:llvm
  program ctags:universal-ctags
  program curl:curl
  program chromium:chromium
  program pgrep:procps
  program mosquitto_pub:mosquitto-clients
  program redis-server:redis-server
  program groff:groff
  program openssl:openssl
  program sslscan:sslscan
  program uacme:uacme
  program sqlite3:sqlite3
  program mdb_dump:lmdb-utils
  program unshare:util-linux
  program spin:spin
  program promtool:prometheus
  program prometheus:prometheus
  program nginx:nginx-light
  package postgresql:postgresql
  package lua-socket:lua-socket
  package lua-messagepack:lua-messagepack
  package lua-penlight:lua-penlight
  package lua-inspect:lua-inspect
  package lua-basexx:lua-basexx
  package libclang-rt-dev:libclang-rt-dev"

od_has_package() {
  dpkg-query -W -f='${db:Status-Status}\n' "$1" 2>/dev/null | grep -qx installed
}

# Whether [kind] [name] is there. A package has no other name to ask for: where there is no dpkg it is
# left to the build to notice.
od_has() {
  case $1 in
    program) command -v "$2" >/dev/null ;;
    library) command -v pkg-config >/dev/null && pkg-config --exists "$2" ;;
    package) ! command -v dpkg-query >/dev/null || od_has_package "$2" ;;
  esac
}

# Installs what is missing of lines like those above; asks for root only then.
od_install_needs() {
  local kind need missing=() names=() sudo=""
  while read -r kind need; do
    [ -z "$kind" ] || od_has "$kind" "${need%:*}" || {
      missing+=("${need##*:}")
      names+=("$kind ${need%:*}")
    }
  done <<<"$1"
  [ ${#missing[@]} -eq 0 ] && return 0
  if ! command -v apt-get >/dev/null; then
    echo "Missing, and there is no apt-get to install it:" >&2
    printf '  %s\n' "${names[@]}" >&2
    return 1
  fi
  [ "$(id -u)" -eq 0 ] || sudo="sudo"
  echo "Installing from Debian: ${missing[*]}"
  $sudo apt-get update -qq
  $sudo env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}"
}

od_install_build_packages() {
  od_install_needs "$OD_BUILD_NEEDS"
}

od_install_test_packages() {
  od_install_needs "$OD_BUILD_NEEDS$OD_TEST_NEEDS"
}
