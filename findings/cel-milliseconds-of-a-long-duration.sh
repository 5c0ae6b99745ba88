#!/usr/bin/env bash
# cel 0.13.0 (through kube-cel also what tests of CRD validation rules run on) computes
# getMilliseconds(), getSeconds(), getMinutes() and getHours() of a duration as 64 bits and returns
# the low 32 of them: of durations beyond 24.8 days, getMilliseconds() is wrong without an error, and
# may even look plausible. The specification of CEL returns an int of 64 bits, and so does the API
# server. A rule such as "maxAge is at least a year", tested with it, fails for valid objects, or
# passes for invalid ones.
#
# Compare durations with each other instead: duration(self) >= duration('8760h') is right.
#
# Seen:
#   duration('500h').getMilliseconds(): Int(1800000000)
#   duration('600h').getMilliseconds(): Int(-2134967296)
#   duration('8760h').getMilliseconds(): Int(1471228928)
#   duration('8760h').getSeconds(): Int(31536000)
#   duration('8760h') >= duration('8759h'): Bool(true)
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
mkdir src
cat >Cargo.toml <<'TOML'
[package]
name = "durations"
version = "0.0.0"
edition = "2024"
[dependencies]
cel = "=0.13.0"
TOML
cat >src/main.rs <<'RUST'
use cel::{Context, Program};

fn main() {
    for expression in [
        "duration('500h').getMilliseconds()",
        "duration('600h').getMilliseconds()",
        "duration('8760h').getMilliseconds()",
        "duration('8760h').getSeconds()",
        "duration('8760h') >= duration('8759h')",
    ] {
        let value = Program::compile(expression).unwrap().execute(&Context::default()).unwrap();
        println!("{expression}: {value:?}");
    }
}
RUST
cargo run --quiet | tee seen
diff seen - <<'SEEN'
duration('500h').getMilliseconds(): Int(1800000000)
duration('600h').getMilliseconds(): Int(-2134967296)
duration('8760h').getMilliseconds(): Int(1471228928)
duration('8760h').getSeconds(): Int(31536000)
duration('8760h') >= duration('8759h'): Bool(true)
SEEN
