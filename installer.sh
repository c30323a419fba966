#!/usr/bin/env bash
# A fresh Debian 12/13 or Ubuntu 24.04 machine becomes a ship server; run again, it changes nothing.
# `--demo` sets up and shows everything below one folder instead, without systemd and without root.
set -euo pipefail

readonly PREFIX=/opt/ship
readonly VERSIONS=/opt/ship-versions
readonly CERTBOT=/opt/ship-certbot
readonly STATE=/var/lib/ship
readonly SETTINGS=/etc/ship
readonly SUDOERS=/etc/sudoers.d/ship
readonly SUPPORTED="debian:12 debian:13 ubuntu:24.04"
readonly PACKAGES=(nginx git openssh-server sudo nftables python3 python3-venv ca-certificates)
# What the packages of Python apps most often need to be built from their source; not with --slim.
readonly BUILD_PACKAGES=(build-essential pkg-config python3-dev libpq-dev default-libmysqlclient-dev libffi-dev
  libssl-dev libxml2-dev libxslt1-dev libjpeg-dev zlib1g-dev)
HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
readonly HERE

domain=""
email=""
keys=()
mode=install
http=no
slim=no
purge=no
yes=no
fresh=no
harden=no
dry_run=no
changes=0
tree=""
demo_root="${SHIP_ROOT:-${HERE}/.ship}"

installer::usage() {
  cat <<'USAGE'
A VPS (as root):
  ./installer.sh --domain example.com --key laptop=/path/id_ed25519.pub [--key NAME=FILE]...
      Apps will answer at https://NAME.example.com. Each key is an admin, as ship@this-machine.
      Without --domain, the domain is made of the machine's address, as in 203-0-113-7.sslip.io: no DNS is needed.
      With --email you@example.com, the authority of the certificates can write to you.
      With --harden, firewall, logins over ssh, updates and more are made strict, with a way back.
      A compiler and the headers that most builds want come along; with --slim, they do not.
      Pushes may come over HTTPS as well, with a token; with --http, also where a proxy alone has https.
  ./installer.sh --domain example.com --dry-run     show what would be done
  ./installer.sh --uninstall [--purge] [--yes]      take it all away; the apps' storage only with --purge
                                                    it says what is lost and asks; --yes answers that

Any machine, without systemd or root:
  ./installer.sh --demo [--root FOLDER]             set up, push an example, change it, roll back
                                                    run again, it keeps what was changed; --fresh begins anew
USAGE
}

installer::say() { printf '%s\n' "$*"; }
installer::step() { printf -- '-----> %s\n' "$*"; }

installer::fail() {
  local title=$1 detail=${2:-} advice=${3:-}
  {
    printf ' !     %s\n' "${title}"
    if [[ -n ${detail} ]]; then printf ' !\n !     %s\n' "${detail}"; fi
    if [[ -n ${advice} ]]; then printf ' !\n !     %s\n' "${advice}"; fi
  } >&2
  exit 1
}

# Does a change, or only shows it: installer::change "what it is" command...
installer::change() {
  local what=$1
  shift
  changes=$((changes + 1))
  if [[ ${dry_run} == yes ]]; then
    installer::say "       would: ${what}"
    return 0
  fi
  installer::say "       ${what}"
  "$@"
}

installer::parse() {
  while (($#)); do
    case $1 in
      --domain | --email | --key | --root)
        installer::check_value "$@"
        installer::take "$1" "$2"
        shift
        ;;
      --domain=* | --email=* | --key=* | --root=*)
        installer::check_value "${1%%=*}" "${1#*=}"
        installer::take "${1%%=*}" "${1#*=}"
        ;;
      --demo) mode=demo ;;
      --uninstall) mode=uninstall ;;
      --http) http=yes ;;
      --slim) slim=yes ;;
      --harden) harden=yes ;;
      --purge) purge=yes ;;
      --yes) yes=yes ;;
      --fresh) fresh=yes ;;
      --dry-run) dry_run=yes ;;
      -h | --help) installer::usage && exit 0 ;;
      *) installer::fail "There is no option $1." "" "See ./installer.sh --help." ;;
    esac
    shift
  done
}

installer::check_value() {
  local example=example.com
  [[ $1 != --email ]] || example=you@example.com
  [[ $1 != --key ]] || example=laptop=/path/id_ed25519.pub
  [[ $1 != --root ]] || example=/srv/ship-demo
  if (($# < 2)) || [[ -z $2 ]]; then
    installer::fail "The option $1 needs a value." "Nothing follows it." "For example: $1 ${example}"
  fi
  if [[ $2 == -* ]]; then
    installer::fail "The option $1 needs a value." "The option $2 follows it." "For example: $1 ${example}"
  fi
}

installer::take() {
  case $1 in
    --domain) domain=$2 ;;
    --email) email=$2 ;;
    --key) keys+=("$2") ;;
    *) demo_root=$2 ;;
  esac
}

# --- looking: nothing below changes the machine ---------------------------------------------------

installer::check_system() {
  local id="" version=""
  if [[ -r /etc/os-release ]]; then
    # shellcheck source=/dev/null
    id=$(. /etc/os-release && printf '%s' "${ID:-}")
    # shellcheck source=/dev/null
    version=$(. /etc/os-release && printf '%s' "${VERSION_ID:-}")
  fi
  case " ${SUPPORTED} " in
    *" ${id}:${version} "*) ;;
    *) installer::fail "This system is not supported." "It is ${id:-unknown} ${version}." \
      "Use Debian 12 or 13, or Ubuntu 24.04. ./installer.sh --demo works on other systems." ;;
  esac
  if [[ ! -d /run/systemd/system ]]; then
    installer::fail "systemd does not run here." "A ship server has systemd run its apps." \
      "./installer.sh --demo works without systemd."
  fi
}

installer::check_root() {
  if ((EUID != 0)); then
    installer::fail "This needs root." "You are $(id -un)." "Type: sudo ./installer.sh ..."
  fi
}

installer::check_domain() {
  if [[ -z ${domain} && -r ${SETTINGS}/ship.toml ]]; then
    domain=$(installer::setting domain)
  fi
  if [[ -z ${domain} ]]; then
    # shellcheck disable=SC2046  # one word for each address
    domain=$(installer::domain_of $(hostname -I))
    installer::say "No --domain: apps answer at NAME.${domain}, which needs no DNS. For your own: --domain example.com"
  fi
  if [[ ! ${domain} =~ ^[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?)*$ ]]; then
    installer::fail "'${domain}' is not a domain." "" "Give a name such as example.com, without http://."
  fi
  local there
  there=$(installer::setting domain)
  if [[ -n ${there} && ${there} != "${domain}" ]]; then
    installer::fail "This server's domain is ${there}, not ${domain}." "" \
      "To change it, type: ship server:set domain=${domain}"
  fi
}

# sslip.io answers for every name that has an address in it with that address. Only one that visitors reach is of use.
installer::domain_of() {
  local address public_4="" public_6="" private=""
  for address in "$@"; do
    if installer::is_private "${address}"; then
      [[ ${address} == *:* ]] || private=${private:-${address}}
    elif [[ ${address} == *:* ]]; then
      public_6=${public_6:-${address}}
    else
      public_4=${public_4:-${address}}
    fi
  done
  if [[ -n ${public_4} ]]; then
    printf '%s.sslip.io\n' "${public_4//./-}"
  elif [[ -z ${private} && -n ${public_6} ]]; then
    # no label begins or ends with a hyphen
    [[ ${public_6} != *:: ]] || public_6="${public_6}0"
    printf '%s.sslip.io\n' "${public_6//:/-}"
  else
    installer::fail "Which domain are the apps to answer at?" \
      "This machine's address is private (${private:-none}): a router has the public one (NAT), if there is any." \
      "Give a domain: --domain example.com. Or the public address with dashes: --domain 203-0-113-7.sslip.io"
  fi
}

# Whether no visitor reaches an address: of private networks, carriers, links and this machine alone.
installer::is_private() {
  case $1 in
    *:*) [[ $1 != [23]* ]] ;;
    *) [[ $1 =~ ^(0|10|127|169\.254|172\.(1[6-9]|2[0-9]|3[01])|192\.168|192\.0\.0|100\.(6[4-9]|[7-9][0-9]|1[01][0-9]|12[0-7]))\. ]] ;;
  esac
}

installer::setting() {
  [[ -r ${SETTINGS}/ship.toml ]] || return 0
  sed -n "s/^$1 *= *\"\(.*\)\" *\$/\1/p" "${SETTINGS}/ship.toml"
}

installer::check_keys() {
  local pair file
  for pair in "${keys[@]}"; do
    file=${pair#*=}
    if [[ ${pair} != *=* || -z ${pair%%=*} ]]; then
      installer::fail "'${pair}' does not say whose key it is." "" "Write --key laptop=/path/id_ed25519.pub"
    fi
    if [[ ! ${pair%%=*} =~ ^[A-Za-z0-9][A-Za-z0-9._@+-]{0,62}$ ]]; then
      installer::fail "'${pair%%=*}' cannot be the name of a key." \
        "A key's name is made of letters, digits and . _ @ + -, at most 63 characters." \
        "Use a name such as laptop."
    fi
    if [[ ! -r ${file} ]]; then
      installer::fail "There is no file ${file}." "It was given for the key ${pair%%=*}." \
        "On your laptop, ssh-keygen -t ed25519 makes ~/.ssh/id_ed25519.pub; copy it here."
    fi
    if grep -q "PRIVATE KEY" "${file}"; then
      installer::fail "${file} is a private key. It must never leave your laptop." "" \
        "Give the file of the same name that ends with .pub."
    fi
    if ! installer::is_public_key "${file}"; then
      installer::fail "${file} is not an ssh public key." "It begins: $(head -c 60 "${file}" | tr -d '\0\n')" \
        "Give a file that ends with .pub, with one key in it."
    fi
  done
}

# One line, of the right shape, and a key to ssh as well where ssh is installed.
installer::is_public_key() {
  local file=$1
  [[ $(grep -c . "${file}" || true) == 1 ]] || return 1
  grep -qE '^(sk-)?(ssh|ecdsa)-[a-z0-9@.-]+ [A-Za-z0-9+/]+=*( .*)?$' "${file}" || return 1
  ! command -v ssh-keygen >/dev/null || ssh-keygen -l -f "${file}" >/dev/null 2>&1
}

installer::check_email() {
  if [[ -n ${email} && ! ${email} =~ ^[^[:space:]@\"\\]+@[^[:space:]@\"\\]+\.[^[:space:]@\"\\]+$ ]]; then
    installer::fail "'${email}' is not an email address." "" "For example: --email you@example.com"
  fi
}

# The program that listens on a port, if that is not nginx.
installer::port_holder() {
  command -v ss >/dev/null || return 0
  ss -Hltnp "sport = :$1" | sed -n 's/.*users:(("\([^"]*\)".*/\1/p' | sort -u | grep -v '^nginx$' || true
}

# Port 80 has to be nginx's, or nobody's.
installer::check_port() {
  local holder
  holder=$(installer::port_holder 80)
  if [[ -n ${holder} ]]; then
    installer::fail "Port 80 is held by another program." "It is ${holder//$'\n'/, }." \
      "Stop it and have it not start again, for example: systemctl disable --now ${holder%%$'\n'*}"
  fi
}

# --- doing ----------------------------------------------------------------------------------------

installer::ensure_packages() {
  local package missing=() wanted=("${PACKAGES[@]}")
  [[ ${slim} == yes ]] || wanted+=("${BUILD_PACKAGES[@]}")
  for package in "${wanted[@]}"; do
    if [[ $(dpkg-query -W -f='${Status}' "${package}" 2>/dev/null || true) != "install ok installed" ]]; then
      missing+=("${package}")
    fi
  done
  ((${#missing[@]})) || return 0
  installer::change "install ${missing[*]}" installer::apt_install "${missing[@]}"
}

# The demo installs it and does not start it.
installer::ensure_nginx() {
  [[ -x /usr/sbin/nginx && $(systemctl is-active nginx || true) == inactive ]] || return 0
  installer::change "start nginx" installer::quietly systemctl enable --now nginx
}

installer::apt_install() {
  export DEBIAN_FRONTEND=noninteractive
  installer::quietly apt-get update
  installer::quietly apt-get install -y --no-install-recommends "$@"
}

# Runs a long command and shows what it said only when it fails.
installer::quietly() {
  local log
  log=$(mktemp)
  if ! "$@" >"${log}" 2>&1 </dev/null; then
    tail -n 20 "${log}" >&2
    rm -f "${log}"
    installer::fail "The command $* failed." "The end of what it said stands above." "Correct that, then run ./installer.sh again."
  fi
  rm -f "${log}"
}

# Two at once would take what the other has not finished for what an interrupted one left.
installer::alone() {
  [[ ${dry_run} == no ]] || return 0
  install -d -m 0755 "${VERSIONS}"
  exec {lock}>"${VERSIONS}/.lock"
  # the timer that takes away older versions holds it for a moment, as what a killed installer had started does
  flock --timeout 60 "${lock}" ||
    installer::fail "Another installer.sh is at work on this machine." "" "Wait for its end, then run this one again."
}

# A digest of all that is installed from this folder, and of the Python that it is installed for, so that an
# unchanged one is not installed again.
installer::digest() {
  (cd "${HERE}" && {
    find pyproject.toml requirements*.lock receiver buildpacks hooks -type f ! -name '*.pyc' -print0 |
      sort -z | xargs -0 sha256sum
    "$1" -c 'import sys; print(sys.version_info[:2])'
  } | sha256sum | cut -d' ' -f1)
}

# What was installed before counts only while nothing of it is lost.
installer::has() {
  local prefix=$1 digest=$2
  [[ $(cat "${prefix}/.installed" 2>/dev/null || true) == "${digest}" ]] &&
    "${prefix}/bin/python" -I "${HERE}/receiver/setup/whole.py" 2>/dev/null
}

# A version of ship stands whole beside the one before it, until one rename has everything begin with it.
installer::ensure_version() {
  local python=$1 digest
  digest=$(installer::digest "${python}")
  ! installer::has "${PREFIX}" "${digest}" || return 0
  installer::change "install ship in ${PREFIX}" installer::install_version "${python}" "${digest}"
}

installer::install_version() {
  local python=$1 digest=$2
  tree=$(mktemp -d "${VERSIONS}/${digest:0:12}.XXXXXX")
  trap 'rm -rf "${tree}"' EXIT
  chmod 0755 "${tree}"
  ln -s ../pythons "${tree}/pythons"
  installer::install_program "${tree}" "${python}" "${digest}"
  trap - EXIT
  installer::quietly "${tree}/bin/python" -I -m receiver.setup.versions switch "${tree}"
}

# What runs may still be of an older version; one that nothing runs from any more goes.
installer::remove_older_versions() {
  [[ ${dry_run} == no ]] || return 0
  installer::quietly "${PREFIX}/bin/python" -I -m receiver.setup.versions prune
}

installer::ensure_program() {
  local prefix=$1 python=$2 digest
  shift 2
  digest=$(installer::digest "${python}")
  ! installer::has "${prefix}" "${digest}" || return 0
  installer::change "install ship in ${prefix}" installer::install_program "${prefix}" "${python}" "${digest}" "$@"
}

# Packages come as the lock files name them, with their hashes; the source is built with what they brought.
installer::install_program() {
  local prefix=$1 python=$2 digest=$3 source lock_file
  local -a locked=(--require-hashes --only-binary ":all:" --requirement "${HERE}/requirements.lock")
  shift 3
  for lock_file in "$@"; do
    locked+=(--requirement "${HERE}/${lock_file}")
  done
  [[ -x ${prefix}/bin/pip ]] || installer::quietly "${python}" -m venv "${prefix}"
  # a copy, because a build writes into the folder it builds from
  source=$(mktemp -d)
  cp -R "${HERE}"/{pyproject.toml,README.md,LICENSE,receiver,buildpacks,hooks} "${source}/"
  installer::quietly "${prefix}/bin/python" "${HERE}/receiver/setup/package_sources.py" install "${locked[@]}"
  installer::quietly "${prefix}/bin/python" "${HERE}/receiver/setup/package_sources.py" install \
    --no-index --no-deps --no-build-isolation --upgrade "${source}"
  rm -rf "${source}"
  printf '%s\n' "${digest}" >"${prefix}/.installed"
}

# Certbot has a virtualenv of its own, beside the versions of ship, so that its packages are none of ship's.
installer::ensure_certbot() {
  local python=$1 digest
  digest=$( (sha256sum <"${HERE}/requirements-certbot.lock" && "${python}" -V) | sha256sum | cut -d' ' -f1)
  ! installer::has "${CERTBOT}" "${digest}" || return 0
  installer::change "install certbot in ${CERTBOT}" installer::install_certbot "${python}" "${digest}"
}

installer::install_certbot() {
  local python=$1 digest=$2
  tree=$(mktemp -d "${CERTBOT}.XXXXXX")
  trap 'rm -rf "${tree}"' EXIT
  chmod 0755 "${tree}"
  installer::quietly "${python}" -m venv "${tree}"
  installer::quietly "${tree}/bin/python" "${HERE}/receiver/setup/package_sources.py" install \
    --require-hashes --only-binary ":all:" --requirement "${HERE}/requirements-certbot.lock"
  printf '%s\n' "${digest}" >"${tree}/.installed"
  rm -rf "${CERTBOT}"
  mv -T "${tree}" "${CERTBOT}"
  trap - EXIT
}

installer::ensure_account() {
  getent passwd ship >/dev/null && return 0
  # a shell, because sshd runs the forced command with it; no password fits `*`
  installer::change "make the account ship" useradd --system --user-group --home-dir "${STATE}" \
    --no-create-home --shell /bin/sh --password '*' ship
}

installer::ensure_folder() {
  local path=$1 owner=$2 mode=$3
  [[ $(stat -c '%U:%G %a' "${path}" 2>/dev/null || true) != "${owner} ${mode}" ]] || return 0
  installer::change "make the folder ${path}" install -d -o "${owner%:*}" -g "${owner#*:}" -m "${mode}" "${path}"
}

installer::ensure_file() {
  local path=$1 mode=$2 text=$3
  [[ $(cat "${path}" 2>/dev/null || true) != "${text}" ]] || return 0
  installer::change "write ${path}" installer::write_file "${path}" "${mode}" "${text}"
}

installer::write_file() {
  local path=$1 mode=$2 text=$3 temporary
  temporary=$(mktemp "${path%/*}/.${path##*/}.XXXXXX")
  printf '%s\n' "${text}" >"${temporary}"
  chmod "${mode}" "${temporary}"
  mv "${temporary}" "${path}"
}

installer::ensure_link() {
  local path=$1 target=$2
  [[ $(readlink "${path}" 2>/dev/null || true) != "${target}" ]] || return 0
  installer::change "link ${path} to ${target}" ln -sfn "${target}" "${path}"
}

installer::sudo_rule() {
  sed "s|{{ programs }}|${PREFIX}/bin|g" "${HERE}/receiver/templates/sudoers"
}

installer::ensure_settings() {
  [[ -e ${SETTINGS}/ship.toml ]] && return 0
  installer::change "write ${SETTINGS}/ship.toml" installer::write_file "${SETTINGS}/ship.toml" 0644 \
    "$(printf 'domain = "%s"\nhost = "systemd"' "${domain}")"
}

installer::ensure_email() {
  [[ -n ${email} && $(installer::setting email) != "${email}" ]] || return 0
  installer::change "write the email address into ${SETTINGS}/ship.toml" installer::write_setting email "\"${email}\""
}

# Another program on 443 is a proxy that has https itself, and passes on to port 80.
installer::ensure_https_port() {
  local holder
  ! grep -q '^https_port *=' "${SETTINGS}/ship.toml" 2>/dev/null || return 0
  holder=$(installer::port_holder 443)
  [[ -n ${holder} ]] || return 0
  installer::change "leave port 443 to ${holder//$'\n'/, }, by https_port = 0 in ${SETTINGS}/ship.toml" \
    installer::write_setting https_port 0
}

installer::write_setting() {
  local name=$1 value=$2
  installer::write_file "${SETTINGS}/ship.toml" 0644 \
    "$(printf '%s = %s\n' "${name}" "${value}" && sed "/^${name} *=/d" "${SETTINGS}/ship.toml")"
}

installer::ensure_keys() {
  local pair name
  for pair in "${keys[@]}"; do
    name=${pair%%=*}
    [[ ! -e ${SETTINGS}/keys/${name}.json ]] || continue
    installer::change "let the key ${name} in" installer::add_key "${name}" "${pair#*=}"
  done
}

installer::add_key() {
  local said
  said=$("${PREFIX}/bin/ship" keys:add --admin "$1" <"$2" 2>&1) ||
    installer::fail "The key $1 could not be let in." "${said}" "Correct that, then run ./installer.sh again."
}

installer::ensure_firewall() {
  command -v ufw >/dev/null && ufw status | grep -q '^Status: active' || return 0
  local port
  for port in 80 443; do
    ufw status | grep -qE "^${port}(/tcp)? +ALLOW" || installer::change "open port ${port} in ufw" ufw allow "${port}/tcp"
  done
}

installer::install() {
  local rule
  installer::check_root
  installer::check_system
  installer::check_domain
  installer::check_keys
  installer::check_email
  installer::check_port
  installer::step "Setting up a ship server for ${domain}"
  installer::alone
  installer::ensure_packages
  installer::ensure_nginx
  installer::ensure_version /usr/bin/python3
  installer::ensure_certbot /usr/bin/python3
  installer::ensure_link /usr/local/bin/ship "${PREFIX}/bin/ship"
  installer::ensure_account
  installer::ensure_folder "${SETTINGS}" root:root 755
  installer::ensure_folder "${SETTINGS}/keys" root:ship 2750
  installer::ensure_folder "${STATE}" root:root 711
  installer::ensure_folder "${STATE}/.ssh" root:root 755
  installer::ensure_folder "${STATE}/apps" root:root 711
  installer::ensure_folder "${STATE}/repos" ship:ship 700
  installer::ensure_settings
  installer::ensure_email
  installer::ensure_https_port
  rule=$(installer::sudo_rule)
  installer::ensure_file "${SUDOERS}" 0440 "${rule}"
  installer::ensure_server
  installer::ensure_keys
  installer::ensure_firewall
  installer::remove_older_versions
  installer::report
  installer::harden
}

# Firewall, logins over ssh, updates: what could lock people out goes back unless somebody confirms.
installer::harden() {
  [[ ${harden} == yes ]] || return 0
  installer::step "Hardening this machine"
  if [[ ${dry_run} == no ]]; then
    "${PREFIX}/bin/ship" server:harden --yes 2>&1 | sed 's/^/       /' ||
      installer::say "Not all of it was done. Later, see: ship server:harden --check"
  elif [[ -x ${PREFIX}/bin/ship ]]; then
    "${PREFIX}/bin/ship" server:harden --check | sed 's/^/       /' || true
  else
    installer::say "       would: harden it, as docs/security.md lists"
  fi
}

# What depends on templates is written by ship itself; it prints a line for each change.
installer::ensure_server() {
  local said option=()
  [[ ${http} == yes ]] && option+=(--http)
  [[ ${dry_run} == yes ]] && option+=(--dry-run)
  if [[ ! -x ${PREFIX}/bin/ship ]]; then
    installer::say "       would: write nginx's default server, which answers unknown names with 404"
    installer::say "       would: write ship-recover.service, which undoes an unfinished deploy at boot"
    installer::say "       would: write ship-network.service, which keeps apps apart on the network"
    installer::say "       would: write ship-certificates.timer, which looks whether a certificate is due"
    installer::say "       would: write ship-http.socket, which waits for pushes over HTTPS"
    installer::say "       would: write ship-logs.timer, which looks at the size of nginx's logs"
    installer::say "       would: have the shells of this machine complete the words of ship"
    return 0
  fi
  said=$("${PREFIX}/bin/ship" server:install "${option[@]}")
  [[ -n ${said} ]] || return 0
  changes=$((changes + 1))
  while IFS= read -r line; do
    installer::say "       ${line}"
  done <<<"${said}"
}

installer::report() {
  local host point="On"
  host=$(hostname -f 2>/dev/null || hostname)
  if [[ ${dry_run} == yes ]]; then
    installer::say "Nothing was changed."
    return 0
  fi
  if ((changes == 0)); then
    installer::say "Everything is as it should be; nothing was changed."
  fi
  [[ ${domain} == *.sslip.io ]] || point="Point *.${domain} at this machine's address, then on"
  cat <<NEXT

This is a ship server now. ${point} your laptop:

  ssh ship@${host} apps:create blog
  git remote add prod ship@${host}:blog
  git push prod main

NEXT
  if [[ ! -s ${STATE}/.ssh/authorized_keys ]] || ! grep -q '^restrict' "${STATE}/.ssh/authorized_keys"; then
    installer::say "No key may push yet. Let one in: ship keys:add laptop --admin < id_ed25519.pub"
  fi
}

installer::uninstall() {
  local option=()
  installer::check_root
  [[ ${purge} == yes ]] && option+=(--purge)
  [[ ${dry_run} == yes ]] && option+=(--dry-run)
  installer::confirm_uninstall
  installer::step "Taking ship away"
  if [[ -x ${PREFIX}/bin/ship && -e ${SETTINGS}/ship.toml ]]; then
    "${PREFIX}/bin/ship" server:uninstall "${option[@]}" | sed 's/^/       /'
  fi
  installer::remove "${SUDOERS}"
  [[ $(readlink /usr/local/bin/ship || true) != "${PREFIX}/bin/ship" ]] || installer::remove /usr/local/bin/ship
  installer::remove "${SETTINGS}"
  local entry
  while IFS= read -r -d '' entry; do
    installer::remove "${entry}"
  done < <(find "${STATE}" -mindepth 1 -maxdepth 1 ! -name apps -print0 2>/dev/null | sort -z)
  # also what an earlier --uninstall left, when there is no ship any more to ask
  [[ ${purge} == no ]] || installer::remove "${STATE}"
  installer::remove "${PREFIX}"
  installer::remove "${VERSIONS}"
  installer::remove "${CERTBOT}"
  if getent passwd ship >/dev/null; then
    installer::change "remove the account ship" userdel ship
  fi
  if [[ ${dry_run} == no && -d ${STATE} ]]; then
    find "${STATE}" -mindepth 1 -depth -type d -empty -delete
    rmdir --ignore-fail-on-non-empty "${STATE}"
  fi
  if [[ -d ${STATE}/apps ]]; then
    installer::say "The apps' storage stays in ${STATE}/apps; --uninstall --purge removes it."
  fi
  installer::say "nginx, git and the other packages stay installed."
}

# Says what is lost, and goes on only when somebody wants that.
installer::confirm_uninstall() {
  local answer="" command="./installer.sh --uninstall"
  [[ ${purge} == no ]] || command+=" --purge"
  [[ ${dry_run} == no && (-e ${SETTINGS} || -e ${STATE} || -e ${PREFIX}) ]] || return 0
  installer::what_is_lost
  [[ ${yes} == no ]] || return 0
  if [[ ! -t 0 ]]; then
    installer::fail "Nothing was removed." "There is no terminal to ask on." "Confirm with: ${command} --yes"
  fi
  read -r -p "Type yes to remove all this: " answer || true
  [[ ${answer} == yes ]] || installer::fail "Nothing was removed." "The answer was not yes."
}

installer::what_is_lost() {
  local apps=() path
  for path in "${STATE}"/apps/*/; do
    if [[ -d ${path} ]]; then apps+=("$(basename "${path}")"); fi
  done
  installer::say "This takes away, for good:"
  if ((${#apps[@]})); then
    installer::say "  the apps ${apps[*]}, with their code, releases, config vars and logs"
  fi
  if [[ ${purge} == yes && -d ${STATE}/apps ]]; then
    installer::say "  what the apps keep in their storage: $(du -csh "${STATE}"/apps/*/storage 2>/dev/null | tail -n 1 | cut -f1)"
  fi
  installer::say "  all keys and grants, the settings in ${SETTINGS}, and the audit"
  if [[ ${purge} == no ]]; then
    installer::say "The apps' storage stays in ${STATE}/apps."
  fi
}

installer::remove() {
  [[ -e $1 || -L $1 ]] || return 0
  installer::change "remove $1" rm -rf -- "$1"
}

# --- demo -----------------------------------------------------------------------------------------

installer::demo() {
  local missing=() option=() python
  python=$(installer::find_python)
  command -v git >/dev/null || missing+=(git)
  command -v nginx >/dev/null || [[ -x /usr/sbin/nginx ]] || missing+=(nginx-light)
  [[ -n ${python} ]] && "${python}" -c 'import ensurepip' 2>/dev/null || missing+=(python3-venv)
  if ((${#missing[@]})); then
    if ((EUID != 0)) || ! command -v apt-get >/dev/null; then
      installer::fail "Some programs are missing." "They are, by their Debian names: ${missing[*]}." \
        "Install them, for example: sudo apt-get install ${missing[*]}"
    fi
    installer::step "Installing ${missing[*]}"
    installer::without_services installer::apt_install "${missing[@]}" python3 ca-certificates
    python=$(installer::find_python)
  fi
  installer::step "Setting up ship below ${demo_root}"
  mkdir -p "${demo_root}"
  installer::ensure_program "${demo_root}/program" "${python}" requirements-embedded.lock
  [[ ${fresh} == no ]] || option+=(--fresh)
  exec "${demo_root}/program/bin/ship" server:demo "${option[@]}" --root "${demo_root}" \
    --example "${HERE}/examples/flask-hello"
}

installer::find_python() {
  local name
  for name in python3 python3.13 python3.12 python3.11 /usr/bin/python3; do
    if "${name}" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
      command -v "${name}"
      break
    fi
  done
}

# Debian starts what it installs; the demo brings an nginx of its own and leaves port 80 alone.
installer::without_services() {
  local policy=/usr/sbin/policy-rc.d
  if [[ -e ${policy} ]]; then
    "$@"
    return
  fi
  printf '#!/bin/sh\nexit 101\n' >"${policy}"
  chmod 755 "${policy}"
  # shellcheck disable=SC2064  # the path is meant as it is now
  trap "rm -f '${policy}'" EXIT
  "$@"
  rm -f "${policy}"
  trap - EXIT
}

main() {
  umask 022 # what is installed is run by other accounts too
  installer::parse "$@"
  case ${mode} in
    demo) installer::demo ;;
    uninstall) installer::uninstall ;;
    *) installer::install ;;
  esac
}

main "$@"
