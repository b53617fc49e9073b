#!/bin/sh
# Brings what a bare Debian 12 (or newer) lacks. Run again it does nothing: only what dpkg does not know is installed.
#
#   packaging/install-deps.sh [build] [test] [lint] [fuzz]      the first three when none is named
set -eu

build_packages="g++ cmake ninja-build ccache pkg-config make git ca-certificates python3
  liburing-dev librdkafka-dev libzstd-dev libxxhash-dev libisal-dev libmicrohttpd-dev
  libtomlplusplus-dev prometheus-cpp-dev libcli11-dev libfmt-dev nlohmann-json3-dev
  libgtest-dev libgmock-dev"
# A|B: the first that the distribution has. Debian 12 has Java 17, newer ones a newer default; Kafka 4 needs 17.
test_packages="openjdk-17-jre-headless|default-jre-headless maven procps util-linux python3 python3-prometheus-client valgrind strace"
lint_packages="clang-19 clang-tidy-19 clang-format-19 shellcheck"
fuzz_packages="clang-19 libclang-rt-19-dev llvm-19"

is_installed() {
  # shellcheck disable=SC2016  # ${Status} is dpkg-query's own
  dpkg-query -W -f='${Status}\n' "$1" 2>/dev/null | grep -q ' installed$'
}

is_known() {
  apt-cache policy "$1" 2>/dev/null | grep '^ *Candidate: ' | grep -qv '(none)'
}

# The packages of a list that are missing; of alternatives the whole A|B.
missing_of() {
  for entry in "$@"; do
    found=no
    for name in $(echo "$entry" | tr '|' ' '); do
      if is_installed "$name"; then found=yes; fi
    done
    [ "$found" = yes ] || printf '%s ' "$entry"
  done
}

# A|B becomes the first that apt knows.
resolved() {
  for entry in "$@"; do
    chosen=
    for name in $(echo "$entry" | tr '|' ' '); do
      if [ -z "$chosen" ] && is_known "$name"; then chosen=$name; fi
    done
    printf '%s ' "${chosen:-${entry%%|*}}"
  done
}

[ $# -gt 0 ] || set -- build test lint
wanted=
for group in "$@"; do
  case $group in
    build) wanted="$wanted $build_packages" ;;
    test) wanted="$wanted $test_packages" ;;
    lint) wanted="$wanted $lint_packages" ;;
    fuzz) wanted="$wanted $fuzz_packages" ;;
    *) echo "install-deps: no group \"$group\"; use build, test, lint or fuzz" >&2; exit 2 ;;
  esac
done

if ! command -v dpkg-query >/dev/null 2>&1 || ! command -v apt-get >/dev/null 2>&1; then
  # Not Debian: nothing to check against. CMake names what it does not find.
  echo "install-deps: no apt here; on Debian this would install:$wanted" >&2
  exit 0
fi

# shellcheck disable=SC2086  # a list of words
missing=$(missing_of $wanted)
[ -n "$missing" ] || exit 0

if [ "$(id -u)" -ne 0 ]; then
  # shellcheck disable=SC2086
  echo "install-deps: packages are missing; run: sudo apt-get update && sudo apt-get install -y --no-install-recommends $(resolved $missing)" >&2
  exit 1
fi

export DEBIAN_FRONTEND=noninteractive
echo "install-deps: updating the package lists"
tries=0
until apt-get -qq -o Acquire::Retries=3 update; do
  tries=$((tries + 1))
  if [ "$tries" -ge 4 ]; then
    echo "install-deps: apt-get update failed four times; is there a network?" >&2
    exit 1
  fi
  sleep $((tries * 5))
done
# shellcheck disable=SC2086
packages=$(resolved $missing)
echo "install-deps: installing $packages"
# shellcheck disable=SC2086
apt-get -qq -o Acquire::Retries=3 -o Dpkg::Use-Pty=0 install -y --no-install-recommends $packages >/dev/null
# shellcheck disable=SC2086
still_missing=$(missing_of $wanted)
if [ -n "$still_missing" ]; then
  echo "install-deps: still missing after the installation: $still_missing" >&2
  exit 1
fi
