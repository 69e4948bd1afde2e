#!/bin/sh
# Everything that is tested: install what the tests need, build with warnings
# as errors, run every suite, then all of it again under AddressSanitizer and
# UndefinedBehaviorSanitizer.  Can be run again at any time; builds lie in
# build/.  The last line is "N passed, N failed" over all suites.
set -eu

top=$(cd "$(dirname "$0")/.." && pwd)
# shellcheck source=contrib/packages.sh
. "$top/contrib/packages.sh"
exec </dev/null

passed=0
failed=0

# count NAME PASSED FAILED
count() {
	printf '%-34s %5d passed, %d failed\n' "$1" "$2" "$3"
	passed=$((passed + $2))
	failed=$((failed + $3))
}

# limited COMMAND...: what hangs has failed, and does not keep the others from
# being run.  In the foreground, so that Ctrl-C ends it, too.
limited() {
	timeout --foreground --kill-after=30 3600 "$@"
}

# step NAME COMMAND...: one check that passes or fails as a whole.
step() {
	name=$1
	shift
	log=$build_dir/$(printf '%s' "$name" | tr -c 'a-z0-9\n' '_').log
	if limited "$@" >"$log" 2>&1; then
		count "$name" 1 0
	else
		tail -n 60 "$log"
		count "$name" 0 1
	fi
}

# summary_of LOG WORD: the sum of automake's "# WORD: N" lines.
summary_of() {
	sed -n "s/\x1b\[[0-9;]*m//g; s/^# $2: *\([0-9]*\).*/\1/p" "$1" |
	    awk '{ n += $1 } END { print n + 0 }'
}

# unit NAME BUILD: make check, every program a test.
unit() {
	log=$2.check.log
	limited make -C "$2" -k -j"$(nproc)" check >"$log" 2>&1 || true
	p=$(summary_of "$log" PASS)
	f=$(($(summary_of "$log" FAIL) + $(summary_of "$log" ERROR)))
	if [ "$p" = 0 ] || [ "$f" != 0 ]; then
		cat "$2"/tests/unit/*.log 2>/dev/null | grep -v '^PASS' |
		    tail -n 80
		tail -n 20 "$log"
	fi
	[ "$p" != 0 ] || f=$((f + 1))
	count "$1" "$p" "$f"
}

# junit FILE ATTRIBUTE: of the outermost testsuite.
junit() {
	sed -n "s/.*<testsuite [^>]*$2=\"\([0-9]*\)\".*/\1/p" "$1" | head -n 1
}

# suite NAME XML COMMAND...: a pytest suite that writes its results to XML.
suite() {
	name=$1
	xml=$2
	shift 2
	rm -f "$xml"
	limited "$@" --junitxml="$xml" || true
	if [ ! -f "$xml" ]; then
		count "$name" 0 1
		return
	fi
	t=$(junit "$xml" tests)
	f=$(($(junit "$xml" failures) + $(junit "$xml" errors)))
	s=$(junit "$xml" skipped)
	count "$name" $((t - f - s)) "$f"
}

# integration NAME PREFIX [VARIABLE=VALUE...]: files side by side, since a
# test waits most of its time.
integration() {
	name=$1
	prefix=$2
	shift 2
	suite "$name" "$prefix-integration.xml" \
	    env MESHSUP_PREFIX="$prefix" "$@" "$top/tests/integration/run" \
	    -n 4 --dist loadgroup
}

# chaos NAME PREFIX FILE...: kills, power loss, full disks.
chaos() {
	name=$1
	prefix=$2
	shift 2
	suite "$name" "$prefix-chaos.xml" \
	    env MESHSUP_PREFIX="$prefix" PYTHONDONTWRITEBYTECODE=1 \
	    /usr/bin/python3 -m pytest -q -c "$top/tests/chaos/pytest.ini" "$@"
}

say "meshsup check: install, build, test"
# shellcheck disable=SC2086 # words on purpose
need_packages $BUILD_PACKAGES libcmocka-dev valgrind python3 python3-pytest \
    python3-pytest-timeout python3-pytest-xdist python3-websockets \
    python3-nacl openssl shellcheck mandoc xz-utils git

build_dir=$top/build
mkdir -p "$build_dir"
plain=$build_dir/check
san=$build_dir/check-sanitizers

say "building with warnings as errors in $plain"
build_tree "$top" "$plain" --enable-werror --prefix="$plain-installed"
make -C "$plain" install >>"$plain.log" 2>&1

say "static checks"
step "shell scripts" shellcheck -x -P "$top" "$top/contrib/quickstart.sh" \
    "$top/contrib/check.sh" "$top/.ci/run" "$top/tests/integration/run" \
    "$top/contrib/init/meshsup.in"
step "manual pages" mandoc -Tlint -Wwarning "$top"/doc/*.[1-8]

say "unit tests"
unit "unit tests" "$plain"
say "unit tests under valgrind"
step "unit tests, valgrind" make -C "$plain/tests/unit" -j"$(nproc)" \
    check-valgrind

say "integration tests"
integration "integration" "$plain-installed"

say "chaos tests"
chaos "chaos" "$plain-installed" "$top/tests/chaos"

say "building with sanitizers in $san"
build_tree "$top" "$san" --enable-werror --enable-sanitizers \
    --enable-test-hooks --prefix="$san-installed" CFLAGS="-O1 -g"
make -C "$san" install >>"$san.log" 2>&1
say "unit tests, sanitizers"
unit "unit tests, sanitizers" "$san"
say "integration tests, sanitizers"
integration "integration, sanitizers" "$san-installed" MESHSUP_SLOW=4

say "chaos tests that need a clock that can be moved"
MESHSUP_SLOW=4
export MESHSUP_SLOW
chaos "chaos, movable clock" "$san-installed" \
    "$top/tests/chaos/test_clock.py" "$top/tests/chaos/test_days.py" \
    "$top/tests/chaos/test_soak.py"
unset MESHSUP_SLOW

say "a release: make distcheck"
step "distcheck" make -C "$plain" distcheck

say "all suites"
printf '%d passed, %d failed\n' "$passed" "$failed"
[ "$failed" = 0 ]
