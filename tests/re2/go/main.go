// Asks Go's regexp which subjects patterns match as a whole. Reads JSON objects with `pattern` and
// `subjects`, and writes them with `go`: a letter for each subject, y or n, or why the pattern is
// refused.
package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"io"
	"log"
	"os"
	"regexp"
)

type row struct {
	Pattern  string   `json:"pattern"`
	Subjects []string `json:"subjects"`
	Go       string   `json:"go"`
}

func answer(pattern string, subjects []string) string {
	re, err := regexp.Compile(pattern)
	if err != nil {
		return "refused: " + err.Error()
	}
	// Of all matches that start first, the longest: the whole subject, if that is a match.
	re.Longest()
	answers := ""
	for _, subject := range subjects {
		at := re.FindStringIndex(subject)
		if at != nil && at[0] == 0 && at[1] == len(subject) {
			answers += "y"
		} else {
			answers += "n"
		}
	}
	return answers
}

func main() {
	in := json.NewDecoder(bufio.NewReader(os.Stdin))
	buffer := bufio.NewWriter(os.Stdout)
	out := json.NewEncoder(buffer)
	out.SetEscapeHTML(false)
	for {
		var row row
		if err := in.Decode(&row); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			log.Fatal(err)
		}
		row.Go = answer(row.Pattern, row.Subjects)
		if err := out.Encode(row); err != nil {
			log.Fatal(err)
		}
	}
	if err := buffer.Flush(); err != nil {
		log.Fatal(err)
	}
}
