#!/usr/bin/env bash
# Since Go 1.25, regexp refuses 46 of Unicode's 163 scripts: those whose names have an underscore, as
# \p{Old_Italic}, \p{Linear_B} and \p{Canadian_Aboriginal}, and \p{SignWriting}. Its documentation
# still says that \p{…} takes names of scripts, as unicode.Scripts has them. Since then names match
# loosely: case is normalised and underscores are removed before the name is looked up, but the keys of
# unicode.Scripts are not treated so. No other spelling works: \p{OldItalic} fails, too. An expression
# that an older Go took, for example the pattern of a Kubernetes CustomResourceDefinition, does not
# compile after an update, and panics in MustCompile. RE2 itself takes these names.
#
# Ranges work everywhere: [\x{10300}-\x{1032F}].
#
# Seen (Go's toolchains as modules, golang.org/toolchain): how many scripts can be named.
#   go1.24.9: 163 of 163
#   go1.25.4: 117 of 163
#   go1.26.8: 117 of 163
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
printf 'module scripts\n\ngo 1.21\n' >go.mod
cat >main.go <<'GO'
package main

import (
	"fmt"
	"regexp"
	"runtime"
	"unicode"
)

func main() {
	named := 0
	for name := range unicode.Scripts {
		_, err := regexp.Compile(`\p{` + name + `}`)
		if err == nil {
			named++
		} else if name == "Old_Italic" {
			fmt.Println(err)
		}
	}
	fmt.Printf("%s: %d of %d\n", runtime.Version(), named, len(unicode.Scripts))
}
GO
for version in go1.24.9 go1.25.4 go1.26.8; do GOTOOLCHAIN=$version go run .; done | tee seen
diff seen - <<'SEEN'
go1.24.9: 163 of 163
error parsing regexp: invalid character class range: `\p{Old_Italic}`
go1.25.4: 117 of 163
error parsing regexp: invalid character class range: `\p{Old_Italic}`
go1.26.8: 117 of 163
SEEN
