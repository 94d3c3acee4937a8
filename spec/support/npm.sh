# Clients and browser code from npm, the same for examples/run and spec/run: package.json here names
# them, build/npm has them. Sourced; expects spec/support/packages.sh and the root as directory.

od_install_npm_packages() {
  od_install_needs "
    program node:nodejs
    program npm:npm"
  mkdir -p build/npm
  cmp -s spec/support/package.json build/npm/installed.json && return
  cp spec/support/package.json build/npm/package.json
  # npm is silent while it tries a registry that cannot be reached, for minutes.
  echo "Installing from npm into build/npm: what spec/support/package.json names"
  npm install --fetch-retries=1 --prefix build/npm --no-audit --no-fund --no-package-lock --loglevel=error
  cp spec/support/package.json build/npm/installed.json
}
