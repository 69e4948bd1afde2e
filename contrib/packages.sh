# shellcheck shell=sh disable=SC2034
# Sourced by quickstart.sh and check.sh: install Debian packages, once.

BUILD_PACKAGES="autoconf automake gcc libc6-dev make pkg-config
    libsqlite3-dev libsodium-dev libwebsockets-dev libssl-dev libevent-dev
    libmsgpack-dev libjansson-dev libinih-dev"

# say SENTENCE: a line that stands out.
say() {
	printf '\n== %s\n' "$*"
}

# die SENTENCE
die() {
	printf '%s: %s\n' "$(basename "$0")" "$*" >&2
	exit 1
}

# need_packages NAME...: install those that are missing.
need_packages() {
	missing=
	for p in "$@"; do
		case $(dpkg-query -W -f '${Status}' "$p" 2>/dev/null) in
		*' installed') ;;
		*) missing="$missing $p" ;;
		esac
	done
	if [ -z "$missing" ]; then
		say "all packages are installed"
		return
	fi
	say "installing:$missing"
	if [ "$(id -u)" = 0 ]; then
		sudo=
	elif command -v sudo >/dev/null 2>&1; then
		sudo=sudo
	else
		die "run it as root, or install sudo; or install yourself:$missing"
	fi
	$sudo apt-get update -qq
	# shellcheck disable=SC2086 # words on purpose
	$sudo env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq \
	    --no-install-recommends $missing >/dev/null
}

# newer A B: was A changed after B?
newer() {
	[ -n "$(find "$1" -newer "$2")" ]
}

# build_tree SOURCE BUILD [CONFIGURE-OPTION...]: configure and make.
build_tree() {
	source=$1
	build=$2
	shift 2
	if [ ! -x "$source/configure" ] ||
	    newer "$source/configure.ac" "$source/configure"; then
		(cd "$source" && autoreconf -fi) >"$build.log" 2>&1 || {
			cat "$build.log" >&2
			die "autoreconf failed"
		}
	fi
	mkdir -p "$build"
	(
		cd "$build"
		[ -f config.status ] &&
		    newer config.status "$source/configure" &&
		    [ "$(cat .options 2>/dev/null)" = "$*" ] ||
		    "$source/configure" "$@"
		printf '%s\n' "$*" >.options
		make -j"$(nproc)"
	) >"$build.log" 2>&1 || {
		tail -n 60 "$build.log" >&2
		die "the build failed; all of its output is in $build.log"
	}
}
