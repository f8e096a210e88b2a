// SPDX-License-Identifier: Apache-2.0
//
// The HPACK encoder of golang.org/x/net for generate_hpack_vectors.py, whose protocol it speaks.
package main

import (
	"bufio"
	"bytes"
	"encoding/hex"
	"fmt"
	"os"
	"strconv"
	"strings"

	"golang.org/x/net/http2/hpack"
)

func text(digits string) string {
	value, err := hex.DecodeString(digits)
	if err != nil {
		panic(err)
	}
	return string(value)
}

func main() {
	var block bytes.Buffer
	encoder := hpack.NewEncoder(&block)
	encoder.SetMaxDynamicTableSizeLimit(1 << 16)
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		words := strings.Split(lines.Text(), " ")
		switch words[0] {
		case "table":
			size, _ := strconv.Atoi(words[1])
			encoder.SetMaxDynamicTableSize(uint32(size))
		case "field":
			encoder.WriteField(hpack.HeaderField{Name: text(words[1]), Value: text(words[2]), Sensitive: words[3] == "1"})
		case "end":
			fmt.Println(hex.EncodeToString(block.Bytes()))
			block.Reset()
		}
	}
}
