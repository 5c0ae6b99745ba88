// What kstatus makes of objects: reads JSON objects, and writes for each a line with its status
// (Current, InProgress, Failed, …) and why.
package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"os"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/cli-utils/pkg/kstatus/status"
)

func main() {
	in := json.NewDecoder(os.Stdin)
	for {
		var object unstructured.Unstructured
		if err := in.Decode(&object); errors.Is(err, io.EOF) {
			return
		} else if err != nil {
			log.Fatal(err)
		}
		result, err := status.Compute(&object)
		if err != nil {
			log.Fatal(err)
		}
		fmt.Printf("%s: %s\n", result.Status, result.Message)
	}
}
