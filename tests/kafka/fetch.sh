#!/bin/sh
# Puts the jars of Apache Kafka into a cache folder that is kept between runs, and prints that folder on stdout.
# What is there already is not fetched again; a folder appears whole or not at all.
#   TAILRACE_KAFKA_JARS   the folder (default: ${XDG_CACHE_HOME:-$HOME/.cache}/tailrace/kafka-VERSION)
set -eu

here=$(cd "$(dirname "$0")" && pwd)
version=$(sed -n 's:.*<kafka.version>\(.*\)</kafka.version>.*:\1:p' "$here/pom.xml")
target=${TAILRACE_KAFKA_JARS:-${XDG_CACHE_HOME:-$HOME/.cache}/tailrace/kafka-$version}

has_jars() { [ -f "$target/kafka_2.13-$version.jar" ]; }

if has_jars; then
  echo "$target"
  exit 0
fi
for tool in java mvn; do
  if ! command -v "$tool" >/dev/null 2>&1; then
    echo "fetch.sh: $tool is missing; install Java 17 or later and Maven (packaging/install-deps.sh does)" >&2
    exit 1
  fi
done

mkdir -p "$(dirname "$target")"
part=$(mktemp -d "$(dirname "$target")/.fetch.XXXXXX")
trap 'rm -rf "$part"' EXIT
trap 'exit 1' HUP INT TERM

for attempt in 1 2 3 4; do
  if mvn -q -B -f "$here/pom.xml" dependency:copy-dependencies \
      "-DoutputDirectory=$part/jars" -DincludeScope=runtime >&2; then
    break
  fi
  if [ "$attempt" = 4 ]; then
    echo "fetch.sh: Maven could not copy Kafka $version; is Maven Central, or its mirror in ~/.m2/settings.xml, reachable?" >&2
    exit 1
  fi
  sleep $((attempt * 3))
done

# Two test runs may fetch at once: the first rename wins, the other's jars are thrown away.
mv -T "$part/jars" "$target" 2>/dev/null || has_jars || {
  echo "fetch.sh: cannot move the jars to $target; remove what is there" >&2
  exit 1
}
echo "$target"
