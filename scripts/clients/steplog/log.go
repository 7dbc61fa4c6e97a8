// Package steplog tells what a program's first steps did, and ends it where one fails.
package steplog

import (
	"fmt"
	"log"
)

// Did prints a step that succeeded.
func Did(format string, args ...any) {
	fmt.Printf("- "+format+"\n", args...)
}

// Expect ends the program unless something is as it has to be.
func Expect(is bool, format string, args ...any) {
	if !is {
		log.Fatalf("expected: "+format, args...)
	}
}

// Check ends the program if a step failed.
func Check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
