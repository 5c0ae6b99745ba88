// Says what kubectl makes of texts: the documents that it finds in them, as the JSON that it sends
// to the API server.
//
// usage: oracle < texts > results
//
// A text is a JSON string on a line of its own; so is what is made of it: an array of documents, or
// {"error": …}. What Go leaves to chance is {"chance": true}: which of two keys counts that become
// the same text, such as 1 and "1".
package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"

	"k8s.io/apimachinery/pkg/runtime"
	kjson "k8s.io/apimachinery/pkg/util/json"
	"k8s.io/apimachinery/pkg/util/yaml"
)

// How often a text is read to see whether chance is involved: all but once in eight million, that shows.
const tries = 24

// read does what kubectl's StreamVisitor and its decoder of unstructured objects do.
func read(text string) (string, error) {
	stream := bytes.NewReader(bytes.TrimPrefix([]byte(text), []byte("\ufeff")))
	decoder := yaml.NewYAMLOrJSONDecoder(stream, 4096)
	documents := []json.RawMessage{}
	for {
		extension := runtime.RawExtension{}
		err := decoder.Decode(&extension)
		if err == io.EOF {
			break
		}
		if err != nil {
			return "", err
		}
		raw := bytes.TrimSpace(extension.Raw)
		if len(raw) == 0 || bytes.Equal(raw, []byte("null")) {
			continue
		}
		var value any
		if err := kjson.Unmarshal(raw, &value); err != nil {
			return "", err
		}
		var again bytes.Buffer
		encoder := json.NewEncoder(&again)
		encoder.SetEscapeHTML(false)
		if err := encoder.Encode(value); err != nil {
			return "", err
		}
		documents = append(documents, bytes.TrimSpace(again.Bytes()))
	}
	all, err := json.Marshal(documents)
	return string(all), err
}

// answer is read, without panics and chance.
func answer(text string) (result string) {
	defer func() {
		if problem := recover(); problem != nil {
			result = failure(fmt.Sprint("panic: ", problem))
		}
	}()
	for try := range tries {
		documents, err := read(text)
		if err != nil {
			documents = failure(err.Error())
		}
		if try > 0 && documents != result && !(failed(documents) && failed(result)) {
			return `{"chance":true}`
		}
		result = documents
	}
	return result
}

func failed(result string) bool {
	return strings.HasPrefix(result, "{")
}

func failure(message string) string {
	text, err := json.Marshal(map[string]string{"error": message})
	if err != nil {
		panic(err)
	}
	return string(text)
}

func main() {
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(nil, 1<<26)
	output := bufio.NewWriter(os.Stdout)
	defer output.Flush()
	for lines.Scan() {
		var text string
		if err := json.Unmarshal(lines.Bytes(), &text); err != nil {
			panic(err)
		}
		fmt.Fprintln(output, answer(text))
	}
	if err := lines.Err(); err != nil {
		panic(err)
	}
}
